import { readFile, stat } from "node:fs/promises";
import { fc, test } from "@fast-check/vitest";
import { createNodeHost } from "@mk/core";
import { requireTool, temporaryDirectory } from "@mk/testing";
import { describe, expect } from "vitest";
import { writeSeedArchive } from "./seed-archive.js";

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly contents: string;
}

/** A reader of its own, by the format's description alone. */
function readArchive(archive: Uint8Array): readonly Entry[] {
  const bytes = Buffer.from(archive);
  const entries: Entry[] = [];
  for (let at = 0; ; ) {
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const field = (index: number) =>
      Number.parseInt(bytes.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = bytes.toString("utf8", at + 110, at + 110 + nameSize - 1);
    const start = at + Math.ceil((110 + nameSize) / 4) * 4;
    if (name === "TRAILER!!!") return entries;
    entries.push({ name, mode, contents: bytes.toString("utf8", start, start + size) });
    at = start + Math.ceil(size / 4) * 4;
  }
}

describe("writeSeedArchive", () => {
  test("puts every file below seed/, its directories before it", () => {
    const archive = writeSeedArchive([
      { path: "/etc/mk/tls/key.pem", mode: 0o600, contents: "key" },
      { path: "/etc/hostname", mode: 0o644, contents: Buffer.from("mk\n") },
    ]);
    expect(readArchive(archive)).toEqual([
      { name: "seed", mode: 0o040755, contents: "" },
      { name: "seed/etc", mode: 0o040755, contents: "" },
      { name: "seed/etc/hostname", mode: 0o100644, contents: "mk\n" },
      { name: "seed/etc/mk", mode: 0o040755, contents: "" },
      { name: "seed/etc/mk/tls", mode: 0o040755, contents: "" },
      { name: "seed/etc/mk/tls/key.pem", mode: 0o100600, contents: "key" },
    ]);
  });

  test("gives the same bytes for the same files in any order, padded to 512", () => {
    const files = [
      { path: "/b", mode: 0o644, contents: "2" },
      { path: "/a/c", mode: 0o755, contents: "1" },
    ];
    const archive = writeSeedArchive(files);
    expect(writeSeedArchive([...files].reverse())).toEqual(archive);
    expect(archive.length % 512).toBe(0);
  });

  const name = fc.stringMatching(/^[^/\0]{1,12}$/).filter((part) => part !== "." && part !== "..");
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
  const permissions = fc.integer({ min: 0, max: 0o777 });
  test.prop([path, fc.string({ unit: "grapheme" }), permissions])(
    "keeps any contents and any normal path",
    (at, contents, mode) => {
      const entries = readArchive(writeSeedArchive([{ path: at, mode, contents }]));
      expect(entries.at(-1)).toEqual({ name: `seed${at}`, mode: 0o100000 | mode, contents });
    },
  );

  test.each(["etc/hostname", "/", "", "/etc/../root", "/etc//x", "/etc/", "/a\0b"])("refuses the path %j", (path) => {
    expect(() => writeSeedArchive([{ path, mode: 0o644, contents: "" }])).toThrow(TypeError);
  });

  test("refuses a path given twice, and a file that is a directory too", () => {
    const file = (path: string) => ({ path, mode: 0o644, contents: "" });
    expect(() => writeSeedArchive([file("/a"), file("/a")])).toThrow(/given twice/);
    expect(() => writeSeedArchive([file("/a"), file("/a/b")])).toThrow(/a file and a directory/);
  });

  test("is unpacked by cpio", async (context) => {
    const missing = await requireTool("program:cpio");
    if (missing !== undefined) return context.skip(missing);
    await using directory = await temporaryDirectory();
    const input = writeSeedArchive([{ path: "/etc/mk/machine.json", mode: 0o640, contents: '{"name":"mk"}' }]);
    const result = await createNodeHost().run("cpio", ["-i", "-d", "--quiet"], { cwd: directory.path, input });
    expect(result.stderr).toBe("");
    const file = directory.join("seed/etc/mk/machine.json");
    expect(await readFile(file, "utf8")).toBe('{"name":"mk"}');
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  });
});
