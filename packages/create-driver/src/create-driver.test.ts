import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "@mk/testing";
import { describe, expect, it, vi } from "vitest";
import { checkAnswers, driverNameOf } from "./answers.js";
import { createDriver } from "./create-driver.js";
import { main } from "./main.js";

describe("checkAnswers", () => {
  it("fills in what follows from the name", () => {
    expect(checkAnswers({ driver: "frob" })).toEqual({
      driver: "frob",
      packageName: "mk-driver-frob",
      summary: "machines of frob",
      os: ["linux", "darwin"],
      author: "",
    });
  });

  it.each(["", "Frob", "1x", "a_b", "../x", "-x", "a".repeat(33), "__proto__"])(
    "refuses %j as the name of a driver",
    (driver) => {
      expect(() => checkAnswers({ driver })).toThrowError(/cannot name a driver/);
    },
  );

  it("leaves the names and aliases of mk's own drivers to mk", async () => {
    const packages = fileURLToPath(new URL("../..", import.meta.url));
    const folders = (await readdir(packages)).filter((folder) => folder.startsWith("driver-"));
    expect(folders).not.toEqual([]);
    for (const folder of folders) {
      const { mk } = JSON.parse(await readFile(join(packages, folder, "package.json"), "utf8"));
      for (const driver of [mk.driver, ...(mk.aliases ?? [])])
        expect(() => checkAnswers({ driver }), driver).toThrowError(/mk's own/);
    }
  });

  it.each(["frob", "driver-frob", "@you/driver-frob", "mk-driver-", "mk-driver-1x", "@You/mk-driver-frob"])(
    "refuses the package name %j, which discovery would not find",
    (packageName) => {
      expect(() => checkAnswers({ driver: "frob", packageName })).toThrowError(/would not find/);
    },
  );

  it.each(["", "x", "two\nlines", "ends with a stop.", "ends with a blank ", "a".repeat(81)])(
    "refuses the summary %j, which the contract would",
    (summary) => {
      expect(() => checkAnswers({ driver: "frob", summary })).toThrowError(/cannot be the summary/);
    },
  );

  it("refuses an operating system that npm does not know", () => {
    expect(() => checkAnswers({ driver: "frob", os: ["linux", "plan9"] })).toThrowError(/plan9/);
    expect(() => checkAnswers({ driver: "frob", os: [] })).toThrowError(/choose among/);
  });
});

describe("driverNameOf", () => {
  it("goes by the last part of the path, whichever way it is written", () => {
    expect(driverNameOf("mk-driver-frob")).toBe("frob");
    expect(driverNameOf("../drivers/mk-driver-frob/")).toBe("frob");
    expect(driverNameOf("sub/..")).toBe(basename(process.cwd()));
    expect(driverNameOf(".")).toBe(basename(process.cwd()));
  });
});

describe("createDriver", () => {
  it("writes every file of the template with all placeholders filled in", async () => {
    await using directory = await temporaryDirectory();
    const target = join(directory.path, "mk-driver-frob");
    const files = await createDriver(
      target,
      checkAnswers({ driver: "frob", summary: 'the "best" \\ machines', os: ["linux"] }),
    );
    expect([...files].sort()).toMatchInlineSnapshot(`
      [
        ".github/workflows/ci.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "package.json",
        "src/config.ts",
        "src/driver.ts",
        "src/index.ts",
        "src/machine.ts",
        "src/options.ts",
        "src/status.ts",
        "test/conformance.test.ts",
        "tsconfig.json",
      ]
    `);
    for (const file of files) expect(await readFile(join(target, file), "utf8")).not.toMatch(/\{\{\w+\}\}/);
    const manifest = JSON.parse(await readFile(join(target, "package.json"), "utf8"));
    expect(manifest).toMatchObject({
      name: "mk-driver-frob",
      os: ["linux"],
      mk: { driver: "frob", api: 1 },
      description: 'mk driver: the "best" \\ machines',
    });
  });

  it("writes free text as each kind of file has it", async () => {
    await using directory = await temporaryDirectory();
    const target = directory.join("mk-driver-frob");
    await createDriver(target, checkAnswers({ driver: "frob", summary: 'the "best" \\ <b>*machines*' }));
    const read = (file: string) => readFile(join(target, file), "utf8");
    expect(await read("README.md")).toContain('the "best" \\\\ \\<b>\\*machines\\*. Runs on');
    expect(await read("src/driver.ts")).toContain('summary: "the \\"best\\" \\\\ <b>*machines*",');
  });

  it("takes an empty directory, and leaves one that holds something as it is", async () => {
    await using directory = await temporaryDirectory();
    const empty = join(directory.path, "empty");
    await mkdir(empty);
    const { ino } = await stat(empty);
    const files = await createDriver(empty, checkAnswers({ driver: "frob" }));
    // The same directory, in which somebody's shell may be, and nothing in it but the package.
    expect((await stat(empty)).ino).toBe(ino);
    expect((await readdir(empty)).sort()).toEqual([...new Set(files.map((file) => file.replace(/\/.*/, "")))].sort());
    const filled = join(directory.path, "filled");
    await mkdir(filled);
    await writeFile(join(filled, "mine"), "x");
    await expect(createDriver(filled, checkAnswers({ driver: "frob" }))).rejects.toThrowError(/not empty/);
    await expect(createDriver(join(filled, "mine"), checkAnswers({ driver: "frob" }))).rejects.toThrowError(
      /is a file/,
    );
    expect(await readdir(filled)).toEqual(["mine"]);
    expect((await readdir(directory.path)).sort()).toEqual(["empty", "filled"]);
  });
});

describe("the command", () => {
  const run = async (...argv: readonly string[]) => {
    let output = "";
    const write = (text: string | Uint8Array) => {
      output += String(text);
      return true;
    };
    using _out = vi.spyOn(process.stdout, "write").mockImplementation(write);
    using _err = vi.spyOn(process.stderr, "write").mockImplementation(write);
    return { exitCode: await main(["--yes", ...argv]), output };
  };

  it("says what to type next, with a directory that a shell takes for one", async () => {
    await using directory = await temporaryDirectory();
    const { exitCode, output } = await run(directory.join("my drivers", "frob"), "--name=frob");
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^ {2}cd ".*my drivers\/frob"$/m);
    expect((await run(directory.join("frob"))).output).toMatch(/^ {2}cd [^"]*\/frob$/m);
  });

  it("says what the file system has against a directory, without a stack trace", async () => {
    const { exitCode, output } = await run("a".repeat(300), "--name=frob");
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^ENAMETOOLONG.*\n$/);
  });
});
