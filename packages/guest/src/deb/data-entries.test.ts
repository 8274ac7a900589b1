import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { arFile, type DebEntry, debFile } from "../../test/fixtures/deb-file.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { type DataEntry, readDataEntries } from "./data-entries.js";

const signal = new AbortController().signal;

async function read(deb: Buffer): Promise<readonly (Omit<DataEntry, "body"> & { readonly text?: string })[]> {
  const path = join(await temporaryDirectory(), "x.deb");
  await writeFile(path, deb);
  const found: (Omit<DataEntry, "body"> & { readonly text?: string })[] = [];
  for await (const entry of readDataEntries(path, "x 1.0", signal)) {
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
