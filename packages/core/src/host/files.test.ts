import { execFileSync, spawnSync } from "node:child_process";
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFiles } from "./files.js";

const files = createFiles(process.platform);
const isRoot = process.geteuid?.() === 0;
const MIB = 1024 * 1024;

describe("files", () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(() => directory[Symbol.asyncDispose]());
  const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o7777;

  test.runIf(process.platform === "linux")("makeDirectory ends with an error where nothing can be made", async () => {
    await expect(files.makeDirectory("/proc/mk/home")).rejects.toMatchObject({ code: "IO_FAILED" });
    await expect(files.makeDirectory("/dev/null/home")).rejects.toMatchObject({ code: "IO_FAILED" });
  });

  test("makeDirectory is content with what others made at the same time", async () => {
    const path = directory.join("a", "b", "c");
    await Promise.all(Array.from({ length: 8 }, () => files.makeDirectory(path)));
    expect(await readdir(path)).toEqual([]);
  });

  describe("write", () => {
    test.each([0o000, 0o022, 0o077])("gives exactly the mode that was asked for under umask %o", async (mask) => {
      const before = process.umask(mask);
      try {
        await files.write(directory.join("default"), "x");
        await files.write(directory.join("shared"), "x", { mode: 0o644 });
        await files.write(directory.join("program"), "x", { mode: 0o755 });
        await files.write(directory.join("read-only"), "x", { mode: 0o400 });
        await files.makeDirectory(directory.join("a", "b"));
        await files.makeDirectory(directory.join("open"), { mode: 0o755 });
        await files.allocate(directory.join("disk"), 10);
        await files.copy(directory.join("shared"), directory.join("copy"));
        await files.concat(directory.join("joined"), ["a", directory.join("shared")].slice(1));
      } finally {
        process.umask(before);
      }
      const modes = Object.fromEntries(
        await Promise.all(
          (await readdir(directory.path)).map(async (name) => [name, await modeOf(directory.join(name))]),
        ),
      );
      expect(modes).toEqual({
        default: 0o600,
        shared: 0o644,
        program: 0o755,
        "read-only": 0o400,
        a: 0o700,
        open: 0o755,
        disk: 0o600,
        copy: 0o600,
        joined: 0o600,
      });
      expect(await modeOf(directory.join("a", "b"))).toBe(0o700);
    });

    test("replaces a file whole, a symlink by a file, and leaves nothing beside it", async () => {
      await files.write(directory.join("f"), "old and longer");
      await files.write(directory.join("f"), Buffer.from("new"));
      expect(await readFile(directory.join("f"), "utf8")).toBe("new");
      await writeFile(directory.join("victim"), "safe");
      await symlink("victim", directory.join("link"));
      await files.write(directory.join("link"), "new");
      expect(await readFile(directory.join("victim"), "utf8")).toBe("safe");
      expect((await readdir(directory.path)).sort()).toEqual(["f", "link", "victim"]);
    });

    test("takes a name of 255 bytes", async () => {
      await files.write(directory.join("n".repeat(255)), "x");
      expect(await files.readText(directory.join("n".repeat(255)))).toBe("x");
    });

    test("leaves the old contents and no leftovers when it fails", async () => {
      await mkdir(directory.join("taken", "full"), { recursive: true });
      await expect(files.write(directory.join("taken"), "x")).rejects.toMatchObject({ code: "IO_FAILED" });
      expect(await readdir(directory.path)).toEqual(["taken"]);
    });
  });

  describe("errors", () => {
    test("name the path and what was to be done", async () => {
      const path = directory.join("absent", "f");
      for (const work of [
        () => files.write(path, "x"),
        () => files.patch(path, 0, Buffer.from("x")),
        () => files.allocate(path, 1),
        () => files.copy(path, directory.join("f")),
        () => files.concat(directory.join("f"), [path]),
        () => files.chmod(path, 0o600),
        () => files.rename(path, directory.join("f")),
      ]) {
        await expect(work()).rejects.toMatchObject({ code: "IO_FAILED", message: expect.stringContaining(path) });
      }
      expect(await readdir(directory.path)).toEqual([]);
    });

    test.runIf(!isRoot)("tell of missing permission", async () => {
      await chmod(directory.path, 0o500);
      await expect(files.write(directory.join("f"), "x")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    });

    test("tell of a name that is too long", async () => {
      await expect(files.write(directory.join("n".repeat(256)), "x")).rejects.toMatchObject({ code: "PATH_TOO_LONG" });
    });
  });

  describe("read", () => {
    test("answers undefined for what is absent", async () => {
      expect(await files.readText(directory.join("f"))).toBeUndefined();
      expect(await files.readBytes(directory.join("f"))).toBeUndefined();
      expect(await files.stat(directory.join("f"))).toBeUndefined();
      expect(await files.realpath(directory.join("f"))).toBeUndefined();
      expect(await files.list(directory.join("f"))).toEqual([]);
      await writeFile(directory.join("file"), "x");
      expect(await files.readText(directory.join("file", "below"))).toBeUndefined();
    });

    test("reads a part of a file", async () => {
      await writeFile(directory.join("f"), "0123456789");
      const part = (offset: number, length: number) => files.readBytes(directory.join("f"), { offset, length });
      expect(Buffer.from((await part(3, 4)) ?? []).toString()).toBe("3456");
      expect(Buffer.from((await part(8, 100)) ?? []).toString()).toBe("89");
      expect((await part(100, 5))?.byteLength).toBe(0);
      expect((await part(0, 0))?.byteLength).toBe(0);
    });

    test("refuses a text that is too large, a directory, and does not hang on a pipe", async () => {
      await writeFile(directory.join("f"), "x".repeat(11));
      expect(await files.readText(directory.join("f"), { maxBytes: 11 })).toHaveLength(11);
      await expect(files.readText(directory.join("f"), { maxBytes: 10 })).rejects.toMatchObject({ code: "IO_FAILED" });
      await expect(files.readText(directory.path)).rejects.toMatchObject({ code: "IO_FAILED" });
      execFileSync("mkfifo", [directory.join("pipe")]);
      await expect(files.readText(directory.join("pipe"))).rejects.toMatchObject({ code: "IO_FAILED" });
    });

    test.runIf(process.platform === "linux")("reads files that have no size", async () => {
      expect(await files.readText("/proc/self/status")).toContain("VmRSS");
    });
  });

  describe("disks", () => {
    test("are sparse, grow, and never shrink", async () => {
      const disk = directory.join("disk");
      await files.allocate(disk, 512 * MIB);
      expect(await files.stat(disk)).toMatchObject({ kind: "file", size: 512 * MIB });
      expect((await files.stat(disk))?.allocated).toBeLessThan(MIB);
      await files.patch(disk, 300 * MIB, Buffer.from("data"));
      await files.allocate(disk, 600 * MIB);
      await files.allocate(disk, 100 * MIB);
      expect((await files.stat(disk))?.size).toBe(600 * MIB);
      const read = await files.readBytes(disk, { offset: 300 * MIB, length: 5 });
      expect(Buffer.from(read ?? []).toString()).toBe("data\0");
    });

    test("stay sparse when they are copied", async () => {
      const disk = directory.join("disk");
      await files.allocate(disk, 64 * MIB);
      await files.patch(disk, 40 * MIB + 7, Buffer.from("data"));
      await chmod(disk, 0o400);
      await files.copy(disk, directory.join("copy"));
      expect((await readFile(directory.join("copy"))).equals(await readFile(disk))).toBe(true);
      const about = await files.stat(directory.join("copy"));
      expect(about?.size).toBe(64 * MIB);
      expect(about?.allocated).toBeLessThan(4 * MIB);
      expect(about?.mode).toBe(0o600);
    });

    test("are joined of files and bytes", async () => {
      await writeFile(directory.join("a"), Buffer.alloc(MIB * 2 + 3, 1));
      await writeFile(directory.join("zeros"), Buffer.alloc(5000));
      await files.concat(directory.join("out"), [Buffer.from("head"), directory.join("a"), directory.join("zeros")]);
      expect(
        (await readFile(directory.join("out"))).equals(
          Buffer.concat([Buffer.from("head"), Buffer.alloc(MIB * 2 + 3, 1), Buffer.alloc(5000)]),
        ),
      ).toBe(true);
    });
  });

  describe("remove", () => {
    test("takes links away, not what they lead to, however they are written", async () => {
      await mkdir(directory.join("victim"));
      await writeFile(directory.join("victim", "f"), "safe");
      await symlink("victim", directory.join("a"));
      await symlink("victim", directory.join("b"));
      await mkdir(directory.join("tree"));
      await symlink("../victim", directory.join("tree", "link"));
      await files.remove(directory.join("a"));
      await files.remove(`${directory.join("b")}/`);
      await files.remove(directory.join("tree"));
      await files.remove(directory.join("absent"));
      expect(await readdir(directory.path)).toEqual(["victim"]);
      expect(await readFile(directory.join("victim", "f"), "utf8")).toBe("safe");
    });

    test.each(["/", "", ".", "..", "relative", "//", "/tmp/.."])("refuses %j", async (path) => {
      await expect(files.remove(path)).rejects.toThrow(TypeError);
    });

    test("is not led out of a tree by links that are swapped in meanwhile", async () => {
      await mkdir(directory.join("victim", "sub"), { recursive: true });
      await writeFile(directory.join("victim", "f"), "safe");
      for (let round = 0; round < 50; round++) {
        await mkdir(directory.join("tree", "d", "sub"), { recursive: true });
        const swap = spawnLoop(directory.path);
        await files.remove(directory.join("tree")).catch(() => undefined);
        await swap;
        await files.remove(directory.join("tree"));
      }
      expect((await readdir(directory.join("victim"))).sort()).toEqual(["f", "sub"]);
    });
  });

  test("knows kinds, and does not follow a link to tell", async () => {
    await mkdir(directory.join("d"));
    await symlink("d", directory.join("l"));
    execFileSync("mkfifo", [directory.join("p")]);
    expect((await files.stat(directory.join("d")))?.kind).toBe("directory");
    expect((await files.stat(directory.join("l")))?.kind).toBe("symlink");
    expect((await files.stat(directory.join("p")))?.kind).toBe("other");
    expect(await files.realpath(directory.join("l"))).toBe(directory.join("d"));
    expect(await files.list(directory.path)).toEqual(["d", "l", "p"]);
  });

  test("measures free space for a path that is not there yet", async () => {
    expect(await files.freeBytes(directory.join("not", "yet"))).toBeGreaterThan(0);
  });

  test.runIf(isRoot && process.platform === "linux")("tells of a full disk and keeps the old file", async () => {
    const mounted = directory.join("small");
    await mkdir(mounted);
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "mk-test", mounted]);
    expect(status).toBe(0);
    try {
      await files.write(`${mounted}/state`, "old");
      const large = Buffer.alloc(256 * 1024, 1);
      for (const work of [
        () => files.write(`${mounted}/state`, large),
        () => files.concat(`${mounted}/state`, [large]),
        async () => {
          await writeFile(directory.join("large"), large);
          await files.copy(directory.join("large"), `${mounted}/state`);
        },
      ]) {
        await expect(work()).rejects.toMatchObject({
          code: "NO_SPACE",
          message: expect.stringContaining(`${mounted}/state`),
          hint: expect.any(String),
        });
        expect(await files.readText(`${mounted}/state`)).toBe("old");
        expect(await readdir(mounted)).toEqual(["state"]);
      }
      await expect(files.patch(`${mounted}/state`, 0, large)).rejects.toMatchObject({ code: "NO_SPACE" });
      await files.remove(`${mounted}/state`);
      expect((await stat(mounted)).isDirectory()).toBe(true);
    } finally {
      spawnSync("umount", [mounted]);
    }
  });
});

/** Swaps the directory `tree/d` for a link to `victim` and back while it is removed. */
async function spawnLoop(root: string): Promise<void> {
  const { rename, symlink: link, rm } = await import("node:fs/promises");
  for (let turn = 0; turn < 5; turn++) {
    await rename(`${root}/tree/d`, `${root}/tree/e`).catch(() => undefined);
    await link(`${root}/victim`, `${root}/tree/d`).catch(() => undefined);
    await rm(`${root}/tree/d`).catch(() => undefined);
  }
}
