import { randomBytes } from "node:crypto";
import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { live } from "@mk/testing";
import { afterAll, describe, expect, test } from "vitest";
import { arFile, type DebEntry, debFile, tarFile } from "../../test/fixtures/deb-file.js";
import { run } from "../../test/fixtures/program.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { type DataEntry, readDataEntries } from "./data-entries.js";
import { XzThreads } from "./xz-threads.js";

const withTar = await live({ needs: ["program:tar"] });
const withXz = await live({ needs: ["program:xz", "program:gzip"] });

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

describe("data", () => {
  const body = "p".repeat(5000);
  const AFTER_BODY = 512 + 5120;

  test.each([
    ["ends within a header", (tar: Buffer) => tar.subarray(0, 300)],
    ["ends within a file", (tar: Buffer) => tar.subarray(0, 2000)],
    ["ends within the padding of a file", (tar: Buffer) => tar.subarray(0, 512 + 5000)],
    ["ends without saying so", (tar: Buffer) => tar.subarray(0, AFTER_BODY)],
    ["goes on after its end", (tar: Buffer) => Buffer.concat([tar, Buffer.alloc(512, "x")])],
    ["has a header that was changed", (tar: Buffer) => Buffer.concat([Buffer.from("/"), tar.subarray(1)])],
    ["is no tar", () => Buffer.alloc(10_240, "x")],
  ])("that %s is refused", async (_, damage) => {
    const tar = damage(await tarFile([{ name: "./usr/bin/x", body }]));
    await expect(read(arFile([{ name: "data.tar", body: tar }]))).rejects.toMatchObject({
      code: "INTEGRITY",
      message: "x 1.0 is damaged",
    });
  });

  test("is read where its files are wanted, passed over and left in the middle", async () => {
    // Small ones come together, large ones in many pieces.
    const text = (name: string): string => name.repeat(name.endsWith("large") ? 200_000 : 10);
    const whats = ["all", "none", "part"];
    const names = [...whats, ...whats]
      .flatMap((what) => whats.map((next) => [`./${what}-small`, `./${next}-large`]))
      .flat();
    const path = join(await temporaryDirectory(), "x.deb");
    await writeFile(path, await debFile(names.map((name) => ({ name, body: text(name) }))));
    const found: string[] = [];
    for await (const entry of readDataEntries(path, "x 1.0", xz, signal)) {
      found.push(`.${entry.path}`);
      if (entry.type !== "file") continue;
      if (entry.path.startsWith("/all")) expect((await buffer(entry.body)).toString()).toBe(text(`.${entry.path}`));
      if (entry.path.startsWith("/part")) for await (const _ of entry.body) break;
    }
    expect(found).toEqual(names);
  });

  withTar("as tar writes it", () => {
    test.each(["gnu", "pax", "ustar"])("is read: %s", async (format) => {
      const directory = await temporaryDirectory();
      const long = `${"d".repeat(90)}/${"n".repeat(90)}`;
      await mkdir(join(directory, "d".repeat(90)));
      await writeFile(join(directory, long), "long");
      await symlink("d".repeat(90), join(directory, "link"));
      await link(join(directory, long), join(directory, "also"));
      const owner = ["--owner=0", "--group=0", "--mode=0755", "--sort=name"];
      const body = run("tar", ["--create", `--format=${format}`, ...owner, "--directory", directory, "."]);
      expect(await read(arFile([{ name: "data.tar", body }]))).toMatchObject([
        { path: "/", type: "directory" },
        { path: "/also", type: "file", text: "long" },
        { path: `/${"d".repeat(90)}`, type: "directory" },
        { path: `/${long}`, type: "link", target: "/also" },
        { path: "/link", type: "symlink", target: "d".repeat(90) },
      ]);
    });
  });
});

withXz("packed data", () => {
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

  test.each(["xz", "gz"])("that is cut short is refused: %s", async (kind) => {
    const tar = await tarFile([{ name: "./x", body: randomBytes(50_000) }]);
    const program = kind === "xz" ? "xz" : "gzip";
    for (const body of [
      run(program, ["--stdout"], tar).subarray(0, -2000),
      run(program, ["--stdout"], tar.subarray(0, -2000)),
    ]) {
      await expect(read(arFile([{ name: `data.tar.${kind}`, body }]))).rejects.toMatchObject({ code: "INTEGRITY" });
    }
  });

  test.each(["xz", "gz"])("is not read on when the signal aborts: %s", async (kind) => {
    const path = join(await temporaryDirectory(), "x.deb");
    await writeFile(path, await pack([{ name: "./small", body: "x" }, large], kind));
    const aborter = new AbortController();
    const reason = new Error("enough");
    const reading = (async () => {
      for await (const entry of readDataEntries(path, "x 1.0", xz, aborter.signal)) {
        aborter.abort(reason);
        if (entry.type === "file") await buffer(entry.body);
      }
    })();
    await expect(reading).rejects.toBe(reason);
  });
});
