import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, describe, expect, test } from "vitest";
import { arFile, type DebEntry, debFile, tarFile } from "../../test/fixtures/deb-file.js";
import { hasProgram, run } from "../../test/fixtures/program.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { type DataEntry, readDataEntries } from "./data-entries.js";
import { XzThreads } from "./xz-threads.js";

const signal = new AbortController().signal;
const xz = new XzThreads();
afterAll(() => xz[Symbol.asyncDispose]());

async function read(deb: Buffer): Promise<readonly (Omit<DataEntry, "body"> & { readonly text?: string })[]> {
  const path = join(await temporaryDirectory(), "x.deb");
  await writeFile(path, deb);
  const found: (Omit<DataEntry, "body"> & { readonly text?: string })[] = [];
  for await (const entry of readDataEntries(path, "x 1.0", xz, signal)) {
    if (entry.type !== "file") found.push(entry);
    else {
      const { body, ...rest } = entry;
      found.push({ ...rest, text: (await buffer(body)).toString() });
    }
  }
  return found;
}

test("reads files, directories and links with absolute paths", async () => {
  const deb = await debFile([
    { name: "./", type: "directory" },
    { name: "./usr/bin/x", body: "program", mode: 0o4755 },
    { name: "./usr/bin/y", type: "link", linkname: "./usr/bin/x" },
    { name: "./etc/z", type: "symlink", linkname: "/usr/bin/x" },
  ]);
  expect(await read(deb)).toEqual([
    { path: "/", type: "directory", mode: 0o755, uid: 0, gid: 0 },
    { path: "/usr/bin/x", type: "file", mode: 0o4755, uid: 0, gid: 0, size: 7, text: "program" },
    { path: "/usr/bin/y", type: "link", mode: 0o755, uid: 0, gid: 0, target: "/usr/bin/x" },
    { path: "/etc/z", type: "symlink", mode: 0o755, uid: 0, gid: 0, target: "/usr/bin/x" },
  ]);
});

const evil: readonly (readonly [string, DebEntry])[] = [
  ["a path upwards", { name: "./../etc/passwd", body: "x" }],
  ["a path upwards in the middle", { name: "./usr/../../etc/passwd", body: "x" }],
  ["an absolute path", { name: "/etc/passwd", body: "x" }],
  ["a Windows path", { name: "..\\..\\evil", body: "x" }],
  ["a hard link upwards", { name: "./x", type: "link", linkname: "../../etc/shadow" }],
  ["a device", { name: "./dev/sda", type: "character-device" }],
  ["a fifo", { name: "./run/pipe", type: "fifo" }],
];

test.each(evil)("refuses an entry with %s", async (_, entry) => {
  await expect(read(await debFile([entry]))).rejects.toMatchObject({ code: "INTEGRITY" });
});

test.each([
  ["no ar archive", Buffer.from("<html>")],
  ["an empty file", Buffer.alloc(0)],
  ["no data", arFile([{ name: "debian-binary", body: Buffer.from("2.0\n") }])],
  ["data of an unknown kind", arFile([{ name: "data.tar.lz4", body: Buffer.from("x") }])],
  ["damaged xz", arFile([{ name: "data.tar.xz", body: Buffer.from("not xz at all, but long enough") }])],
])("refuses a package with %s", async (_, deb) => {
  await expect(read(deb)).rejects.toMatchObject({ code: "INTEGRITY" });
});

test("refuses a package that is cut short", async () => {
  const deb = await debFile([{ name: "./usr/bin/x", body: "p".repeat(5000) }]);
  await expect(read(deb.subarray(0, deb.length - 2000))).rejects.toMatchObject({ code: "INTEGRITY" });
});

describe.skipIf(!hasProgram("xz") || !hasProgram("gzip"))("packed data (needs xz, gzip)", () => {
  const pack = async (entries: readonly DebEntry[], kind = "xz"): Promise<Buffer> => {
    const program = kind === "xz" ? "xz" : "gzip";
    return arFile([{ name: `data.tar.${kind}`, body: run(program, ["--stdout"], await tarFile(entries)) }]);
  };
  // Its bytes do not shrink, so that it is read in many pieces.
  const large: DebEntry = { name: "./large", body: randomBytes(3_000_000) };

  test.each(["xz", "gz"])("is read: %s", async (kind) => {
    const [found] = await read(await pack([{ name: "./usr/bin/x", body: "program" }, large], kind));
    expect(found).toMatchObject({ path: "/usr/bin/x", text: "program" });
  });

  test.each(["xz", "gz"])("of one package is read after another was refused in its middle: %s", async (kind) => {
    const evilDeb = await pack([{ name: "/absolute", body: "x" }, large], kind);
    for (let count = 0; count < 9; count += 1) {
      await expect(read(evilDeb)).rejects.toMatchObject({ code: "INTEGRITY" });
    }
    expect(await read(await pack([{ name: "./usr/bin/x", body: "program" }], kind))).toHaveLength(1);
  });

  test.each(["xz", "gz"])("is not read on when the signal aborts: %s", async (kind) => {
    const path = join(await temporaryDirectory(), "x.deb");
    await writeFile(path, await pack([{ name: "./small", body: "x" }, large], kind));
    const aborter = new AbortController();
    const reading = (async () => {
      for await (const entry of readDataEntries(path, "x 1.0", xz, aborter.signal)) {
        aborter.abort();
        if (entry.type === "file") await buffer(entry.body);
      }
    })();
    await expect(reading).rejects.toThrow();
  });
});
