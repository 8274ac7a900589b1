import { chmod, chown, mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunDirectoryContext, runDirectory } from "./run-directory.js";

const uid = process.geteuid?.() ?? -1;

describe("runDirectory", () => {
  let place: TemporaryDirectory;
  let context: RunDirectoryContext;
  beforeEach(async () => {
    place = await temporaryDirectory();
    await mkdir(place.join("tmp"));
    await mkdir(place.join("run"));
    // macOS' rules: no /run/user, which this test must not touch.
    context = { platform: "darwin", env: {}, uid, temporaryDirectory: place.join("tmp") };
  });
  afterEach(() => place[Symbol.asyncDispose]());
  const withRuntime = (): RunDirectoryContext => ({ ...context, env: { XDG_RUNTIME_DIR: place.join("run") } });

  test("is ours alone, short, and one for each key", async () => {
    const first = await runDirectory("a", context);
    expect((await stat(first)).mode & 0o7777).toBe(0o700);
    expect(Buffer.byteLength(`${first}/twelve-chars`)).toBeLessThanOrEqual(103);
    expect(await runDirectory("a", context)).toBe(first);
    expect(await runDirectory("b", context)).not.toBe(first);
  });

  test.each([0o000, 0o077])("is 0700 under umask %o", async (mask) => {
    const before = process.umask(mask);
    try {
      expect((await stat(await runDirectory("a", context))).mode & 0o7777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  test("prefers the user's runtime directory", async () => {
    expect(await runDirectory("a", withRuntime())).toMatch(place.join("run"));
  });

  test("is found again by a session that has another environment", async () => {
    const made = await runDirectory("a", context);
    expect(await runDirectory("a", withRuntime())).toBe(made);
  });

  test("does without a runtime directory that is relative, absent or too long", async () => {
    for (const directory of ["run", place.join("absent"), place.join("x".repeat(90))]) {
      const env = { XDG_RUNTIME_DIR: directory };
      expect(await runDirectory("a", { ...context, env })).toMatch(place.join("tmp"));
    }
  });

  test("is refused when others may enter it, or when it is a link or a file", async () => {
    const path = await runDirectory("a", context);
    await chmod(path, 0o755);
    await expect(runDirectory("a", context)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    for (const squat of [() => symlink(place.join("run"), path), () => writeFile(path, "")]) {
      const { rm } = await import("node:fs/promises");
      await rm(path, { recursive: true });
      await squat();
      await expect(runDirectory("a", context)).rejects.toMatchObject({
        code: "PERMISSION_DENIED",
        message: expect.stringContaining(path),
      });
    }
  });

  test.runIf(uid === 0)("is refused when it is another user's, and left untouched", async () => {
    const path = await runDirectory("a", context);
    await chown(path, 65534, 65534);
    await expect(runDirectory("a", context)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    expect((await stat(path)).uid).toBe(65534);
    // Whoever has a runtime directory is not bothered by it.
    expect(await runDirectory("a", withRuntime())).toMatch(place.join("run"));
  });

  test("fails by name where no place is short enough", async () => {
    const long = { ...context, temporaryDirectory: `/${"x".repeat(100)}` };
    await expect(runDirectory("a", long)).rejects.toMatchObject({ code: "PATH_TOO_LONG" });
  });
});
