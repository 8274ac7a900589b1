import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireTool, type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MkError } from "../errors.js";
import { errnoOf } from "../host/file-error.js";
import { extractTar } from "./extract-tar.js";
import { paddingOf } from "./tar-header.js";
import { readTar } from "./tar-read.js";
import { TAR_END, type TarWriteEntry, tarHeader } from "./tar-write.js";

type Entry = Partial<TarWriteEntry> & { readonly name: string; readonly text?: string; readonly flag?: string };

/** An archive of these entries; `flag` overrides the type flag of a header, with a right checksum. */
function archive(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ text = "", flag, ...entry }) => {
    const contents = Buffer.from(text);
    const size = entry.size ?? contents.length;
    const header = Buffer.from(tarHeader({ kind: "file", mode: 0o644, mtimeSeconds: 0, ...entry, size }));
    if (flag !== undefined) {
      header.write(flag, 156);
      header.write("        ", 148);
      const sum = header.reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    }
    return [header, contents, Buffer.alloc(paddingOf(contents.length))];
  });
  return Buffer.concat([...parts, TAR_END]);
}

/** In pieces of odd sizes, as a connection delivers them. */
async function* pieces(bytes: Buffer, size = 97): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("extractTar", () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(() => directory[Symbol.asyncDispose]());
  const extract = (entries: readonly Entry[], platform: NodeJS.Platform = "linux"): Promise<void> =>
    extractTar(readTar(pieces(archive(entries))), directory.join("out"), platform);
  const root = { name: "./", kind: "directory", mode: 0o755 } as const;

  test("gives a file the nearest time there is to one that nothing can hold", async () => {
    const pax = "30 mtime=99999999999999999999\n";
    await extract([
      root,
      { name: "./binary", text: "a", mtimeSeconds: 2 ** 60 },
      { name: "./about", flag: "x", text: pax },
      { name: "./pax", text: "b" },
    ]);
    for (const name of ["binary", "pax"]) {
      expect((await stat(directory.join("out", name))).mtimeMs).toBeGreaterThan(Date.UTC(2400, 0));
    }
  });

  test("writes a tree below the target with modes and times, and a lone file as the target", async () => {
    await extract([
      root,
      { name: "./a/", kind: "directory", mode: 0o555, mtimeSeconds: 86_401 },
      { name: "./a/run", mode: 0o4755, text: "x", mtimeSeconds: 86_403 },
      { name: "./link", kind: "symlink", link: "a/run" },
      { name: "./same", kind: "hardlink", link: "./a/run" },
    ]);
    expect((await stat(directory.join("out", "a"))).mode & 0o7777).toBe(0o555);
    // Without the set-uid bit.
    expect((await stat(directory.join("out", "a", "run"))).mode & 0o7777).toBe(0o755);
    expect((await stat(directory.join("out", "a"))).mtimeMs).toBe(86_401_000);
    expect((await stat(directory.join("out", "a", "run"))).mtimeMs).toBe(86_403_000);
    expect(await readlink(directory.join("out", "link"))).toBe("a/run");
    expect(await readFile(directory.join("out", "same"), "utf8")).toBe("x");
    const lone = archive([{ name: "./file", text: "lone" }]);
    await extractTar(readTar(pieces(lone)), directory.join("deep", "down"), "linux");
    expect(await readFile(directory.join("deep", "down"), "utf8")).toBe("lone");
  });

  const evil: readonly (readonly [string, readonly Entry[]])[] = [
    ["an absolute name", [root, { name: "/evil", text: "x" }]],
    ["a name that goes up", [root, { name: "../evil", text: "x" }]],
    ["a name that goes up in its middle", [root, { name: "a/../../evil", text: "x" }]],
    ["a long name that goes up", [root, { name: `${"a/".repeat(80)}${"../".repeat(81)}evil`, text: "x" }]],
    ["an absolute link", [root, { name: "l", kind: "symlink", link: "/etc" }]],
    ["a link that leads out", [root, { name: "l", kind: "symlink", link: "../evil" }]],
    ["a link that leads out of a directory below", [root, { name: "a/l", kind: "symlink", link: "../../evil" }]],
    ["a link that goes up behind a name", [root, { name: "l", kind: "symlink", link: "a/../../evil" }]],
    ["a file through a link", [root, { name: "l", kind: "symlink", link: "." }, { name: "l/../../evil", text: "x" }]],
    ["a hard link to what was not sent", [root, { name: "l", kind: "hardlink", link: "../evil" }]],
    ["a hard link to a file of the host", [root, { name: "l", kind: "hardlink", link: "existing" }]],
    ["a character device", [root, { name: "d", flag: "3" }]],
    ["a block device", [root, { name: "d", flag: "4" }]],
    ["a named pipe", [root, { name: "d", flag: "6" }]],
    ["an unknown kind", [root, { name: "d", flag: "V" }]],
    [
      "a second entry after a lone file",
      [
        { name: "one", text: "x" },
        { name: "two", text: "x" },
      ],
    ],
  ];

  test.each(evil)("refuses %s and writes nothing outside", async (_, entries) => {
    await expect(extract(entries)).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(await readdir(directory.path)).toEqual(["out"]);
  });

  const otherPaths: readonly (readonly [string, Entry])[] = [
    ["a name with a backslash", { name: "..\\evil", text: "x" }],
    ["a name with a drive", { name: "C:/evil", text: "x" }],
    ["a name of a stream within a file", { name: "a/file:evil", text: "x" }],
    ["a link with backslashes", { name: "l", kind: "symlink", link: "..\\evil" }],
    ["a link to another drive", { name: "l", kind: "symlink", link: "C:/evil" }],
  ];

  test.each(otherPaths)("refuses %s on Windows, and takes it literally elsewhere", async (_, entry) => {
    await expect(extract([root, entry], "win32")).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(await readdir(directory.path, { recursive: true })).toEqual(["out"]);
    await extract([root, entry]);
    expect(lstatSync(directory.join("out", entry.name)).isDirectory()).toBe(false);
  });

  test("writes a lone file whatever its name was in the machine, since it gets another", async () => {
    await extract([{ name: "12:30", text: "lone" }], "win32");
    expect(await readFile(directory.join("out"), "utf8")).toBe("lone");
  });

  test("ends with a typed error where a directory takes no children", async (context) => {
    if (process.platform !== "linux") context.skip("only Linux has /proc");
    const lone = readTar(pieces(archive([{ name: "file", text: "x" }])));
    await expect(extractTar(lone, "/proc/mk-none/file", "linux")).rejects.toMatchObject({
      code: "IO_FAILED",
      message: expect.stringContaining("/proc/mk-none"),
    });
  });

  test("does not write through a link that is there already", async () => {
    await mkdir(directory.join("victim"));
    await mkdir(directory.join("out"));
    await symlink(directory.join("victim"), directory.join("out", "l"));
    await expect(extract([root, { name: "l/evil", text: "x" }])).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(await readdir(directory.join("victim"))).toEqual([]);
  });

  test("replaces a link that has a file's name, not the file it leads to", async () => {
    await writeFile(directory.join("victim"), "safe");
    await mkdir(directory.join("out"));
    await symlink(directory.join("victim"), directory.join("out", "f"));
    await extract([root, { name: "f", text: "new" }]);
    expect(await readFile(directory.join("victim"), "utf8")).toBe("safe");
    expect(await readFile(directory.join("out", "f"), "utf8")).toBe("new");
  });

  test("makes links only when all files are written", async () => {
    await extract([root, { name: "d", kind: "symlink", link: "e" }, { name: "d/f", text: "x" }]).catch(() => undefined);
    expect(await readdir(directory.path)).toEqual(["out"]);
    await expect(stat(directory.join("out", "e"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("leaves a file as it was, and nothing beside it, when the archive breaks off within its successor", async () => {
    await mkdir(directory.join("out"));
    await writeFile(directory.join("out", "f"), "old");
    const whole = archive([root, { name: "f", text: "new".repeat(2000) }]);
    const broken = readTar(pieces(whole.subarray(0, 4096), 1000));
    await expect(extractTar(broken, directory.join("out"), "linux")).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(await readFile(directory.join("out", "f"), "utf8")).toBe("old");
    expect(await readdir(directory.join("out"))).toEqual(["f"]);
  });

  test("names the path that cannot be written", async () => {
    await mkdir(directory.join("out", "f"), { recursive: true });
    await expect(extract([root, { name: "f", text: "x" }])).rejects.toMatchObject({
      code: "IO_FAILED",
      message: expect.stringContaining(directory.join("out", "f")),
    });
  });

  test("never writes outside, whatever the names and links", async () => {
    const part = fc.constantFrom("a", "b", "..", ".", "", "c");
    const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
    const entry = fc.record({
      name: path.filter((name) => name !== ""),
      link: path,
      kind: fc.constantFrom("file", "directory", "symlink", "hardlink"),
    });
    await writeFile(directory.join("victim"), "safe");
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
        const sized = entries.map((item) => ({ ...item, text: item.kind === "file" ? "evil" : "" }));
        try {
          await extract([root, ...sized]);
        } catch (error) {
          expect(MkError.is(error)).toBe(true);
        }
        expect((await readdir(directory.path)).sort()).toEqual(["out", "victim"]);
        for (const name of readdirSync(directory.join("out"), { recursive: true })) {
          expect(leadsTo(directory.join("out", String(name)))).toSatisfy(
            (end: string) => end === "a circle" || `${end}/`.startsWith(`${directory.join("out")}/`),
          );
        }
        await chmod(directory.join("out"), 0o700);
        execFileSync("rm", ["-rf", directory.join("out")]);
      }),
      { numRuns: 150 },
    );
  });
});

/** Where a path ends when each link on the way is followed, whether that is there or not. */
function leadsTo(path: string): string {
  let at = "/";
  const steps = path.split("/");
  for (let hops = 0; hops < 1000; hops++) {
    const step = steps.shift();
    if (step === undefined) return at;
    const next = join(at, step);
    if (isSymlink(next)) steps.unshift(...readlinkSync(next).split("/"));
    else at = next;
  }
  return "a circle";
}

function isSymlink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch (error) {
    // Nothing is below a file, either.
    if (errnoOf(error) !== "ENOTDIR") throw error;
    return false;
  }
}

describe("readTar", () => {
  test.each(["gnu", "pax", "ustar", "v7"])("reads what GNU tar writes as %s", async (format) => {
    await using directory = await temporaryDirectory();
    const source = directory.join("in");
    const long = format === "v7" ? "short" : "long".repeat(22);
    mkdirSync(`${source}/${long}/${format === "ustar" ? "s" : long}`, { recursive: true });
    writeFileSync(`${source}/${long}/file é`, "contents");
    writeFileSync(`${source}/empty`, "");
    writeFileSync(`${source}/big`, Buffer.alloc(100_000, 7));
    symlinkSync("big", `${source}/link`);
    chmodSync(`${source}/empty`, 0o600);
    // Before 1970, which some formats have no room for.
    const seconds = format === "gnu" || format === "pax" ? -86_400 : 86_400;
    utimesSync(`${source}/empty`, 0, new Date(seconds * 1000));
    const bytes = execFileSync("tar", ["-cf", "-", `--format=${format}`, "-C", source, "."]);
    await extractTar(readTar(pieces(bytes, 1000)), directory.join("out"), "linux");
    expect(readdirSync(directory.join("out"), { recursive: true }).sort()).toEqual(
      readdirSync(source, { recursive: true }).sort(),
    );
    expect(readFileSync(directory.join("out", long, "file é"), "utf8")).toBe("contents");
    expect(readFileSync(directory.join("out", "big")).equals(Buffer.alloc(100_000, 7))).toBe(true);
    expect(statSync(directory.join("out", "empty")).mode & 0o777).toBe(0o600);
    expect(statSync(directory.join("out", "empty")).mtimeMs).toBe(seconds * 1000);
  });

  test("takes a file for a file wherever its long name is cut off", async () => {
    for (let length = 95; length <= 105; length++) {
      const long = `${"d".repeat(length)}/file`;
      const bytes = archive([{ name: long, text: "x" }, { name: long }]);
      const entries: unknown[] = [];
      for await (const { name, kind, size } of readTar(pieces(bytes))) entries.push({ name, kind, size });
      const file = { name: long, kind: "file" };
      expect(entries).toEqual([
        { ...file, size: 1 },
        { ...file, size: 0 },
      ]);
    }
  });

  test.each(["tar", "busybox"])("writes what %s reads", async (program) => {
    const missing = await requireTool(`program:${program}`);
    if (missing !== undefined) return;
    await using directory = await temporaryDirectory();
    const long = `${"x".repeat(90)}/${"é".repeat(90)}`;
    const bytes = archive([
      { name: "./", kind: "directory", mode: 0o700 },
      { name: `./${long}`, text: "far" },
      { name: "./l", kind: "symlink", link: long },
    ]);
    const args = [...(program === "busybox" ? ["tar"] : []), "-xf", "-", "-C", directory.path];
    execFileSync(program, args, { input: bytes, stdio: ["pipe", "ignore", "inherit"] });
    expect(readFileSync(directory.join("l"), "utf8")).toBe("far");
  });

  test("survives any bytes with a typed error or none", async () => {
    const good = archive([
      { name: "a".repeat(150), text: "x".repeat(600) },
      { name: "b", text: "y" },
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 2048 }).map((bytes) => Buffer.from(bytes)),
          // A good archive, cut off or with a changed byte.
          fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.boolean()).map(([at, byte, isCut]) => {
            const bytes = Buffer.from(good);
            bytes[at] = byte;
            return isCut ? bytes.subarray(0, at) : bytes;
          }),
        ),
        async (bytes) => {
          try {
            for await (const entry of readTar(pieces(bytes))) for await (const _ of entry.body) void _;
          } catch (error) {
            expect(MkError.is(error, "PROTOCOL_ERROR")).toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("does not believe a header that claims a name of gigabytes", async () => {
    const bytes = archive([{ name: "x", flag: "L", size: 6 * 1024 ** 3 }]);
    const read = async (): Promise<void> => {
      for await (const _ of readTar(pieces(bytes))) void _;
    };
    await expect(read()).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
  });
});
