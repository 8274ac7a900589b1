import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { which } from "./which.js";

// There is no alias of Windows' Store here: stat fails on one as it does there.
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const stat = async (path: string) => {
    if (path.endsWith("winget.exe")) throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    return await real.stat(path);
  };
  return { ...real, stat };
});

describe("which", () => {
  let directory: TemporaryDirectory;
  const cwd = process.cwd();
  beforeAll(async () => {
    directory = await temporaryDirectory();
    await mkdir(directory.join("bin"));
    await mkdir(directory.join("second"));
    for (const path of ["tool", "bin/good", "second/good", "second/shadowed", "bin/tool.exe", "bin/script.cmd"]) {
      await writeFile(directory.join(path), "#!/bin/sh\n", { mode: 0o755 });
    }
    await writeFile(directory.join("bin", "shadowed"), "not executable", { mode: 0o644 });
    await chmod(directory.join("bin", "shadowed"), 0o644);
    await mkdir(directory.join("bin", "a-directory"));
    await symlink("nowhere", directory.join("bin", "dangling"));
    process.chdir(directory.path);
  });
  afterAll(async () => {
    process.chdir(cwd);
    await directory[Symbol.asyncDispose]();
  });

  const find = (program: string, path: string): Promise<string | undefined> => which(program, { PATH: path }, "linux");

  test("finds the first executable file of that name", async () => {
    expect(await find("good", `${directory.join("bin")}:${directory.join("second")}`)).toBe(
      directory.join("bin", "good"),
    );
  });

  test.each([".", "", ":", "./", "bin/..", "..", "::.:"])(
    "never looks in the current directory for PATH %j",
    async (path) => {
      expect(await find("tool", path)).toBeUndefined();
      expect(await find("tool", `${path}:${directory.join("bin")}`)).toBeUndefined();
    },
  );

  test("passes over what cannot be run", async () => {
    const path = `${directory.join("bin")}:${directory.join("second")}`;
    expect(await find("a-directory", path)).toBeUndefined();
    expect(await find("dangling", path)).toBeUndefined();
    if (process.geteuid?.() !== 0) {
      expect(await find("shadowed", path)).toBe(directory.join("second", "shadowed"));
    }
  });

  test("takes absolute paths, but no relative ones", async () => {
    expect(await find(directory.join("tool"), "")).toBe(directory.join("tool"));
    expect(await find("./tool", "")).toBeUndefined();
    expect(await find("bin/good", directory.path)).toBeUndefined();
  });

  test("finds nothing for no name, a name with a NUL, and no PATH", async () => {
    expect(await find("", directory.join("bin"))).toBeUndefined();
    expect(await find("good\0", directory.join("bin"))).toBeUndefined();
    expect(await which("good", {}, "linux")).toBeUndefined();
  });

  test("finds programs on Windows, but no script that only a shell could run", async () => {
    const env = { Path: directory.join("bin") };
    expect(await which("tool", env, "win32")).toBe(directory.join("bin", "tool.exe"));
    expect(await which("tool.exe", env, "win32")).toBe(directory.join("bin", "tool.exe"));
    expect(await which("script", env, "win32")).toBeUndefined();
    expect(await which("script.cmd", env, "win32")).toBeUndefined();
  });

  test("finds on Windows what stat may not look at, if it is there", async () => {
    const env = { Path: `${directory.join("second")}:${directory.join("bin")}` };
    expect(await which("winget", env, "win32")).toBeUndefined();
    await writeFile(directory.join("bin", "winget.exe"), "");
    expect(await which("winget", env, "win32")).toBe(directory.join("bin", "winget.exe"));
    expect(await which("winget.exe", { PATH: directory.join("bin") }, "linux")).toBeUndefined();
  });
});
