import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { readAll, readRange, Spool } from "./contents.js";
import { Tree } from "./tree.js";

const paths = (tree: Tree): readonly string[] => tree.entries().map(({ path }) => path);

test("what is below /lib and /bin is what is below /usr", () => {
  const tree = new Tree();
  tree.file("/lib/x.so", "x");
  tree.file("/bin/sh", "sh");
  tree.linkMerged();
  expect(paths(tree)).toEqual(["/", "/bin", "/lib", "/usr", "/usr/bin", "/usr/bin/sh", "/usr/lib", "/usr/lib/x.so"]);
  expect(tree.has("/lib/x.so")).toBe(true);
  expect(tree.has("/library")).toBe(false);
});

test("follows links as the guest would, and no circle for ever", () => {
  const tree = new Tree();
  tree.file("/usr/bin/real", "x");
  tree.symlink("/usr/bin/relative", "real");
  tree.symlink("/etc/absolute", "/bin/relative");
  tree.symlink("/a", "/b");
  tree.symlink("/b", "/a");
  expect(tree.resolve("/etc/absolute")).toBe("/usr/bin/real");
  expect(tree.resolve("/a")).toBeUndefined();
  expect(tree.resolve("/none")).toBeUndefined();
});

test("removing a directory removes what is in it, and nothing that only begins like it", () => {
  const tree = new Tree();
  tree.file("/usr/share/doc/a", "a");
  tree.file("/usr/share/docs", "b");
  tree.remove("/usr/share/doc");
  expect(paths(tree)).toEqual(["/", "/usr", "/usr/share", "/usr/share/docs"]);
});

test("the order of entries does not depend on that of adding them", () => {
  const [one, two] = [new Tree(), new Tree()];
  for (const name of ["/b", "/a/c", "/a.d", "/é"]) one.file(name, "");
  for (const name of ["/é", "/a.d", "/a/c", "/b"]) two.file(name, "");
  expect(paths(one)).toEqual(paths(two));
});

test("refuses what lies below a link or a file, and what would take a directory's place with all in it", () => {
  const tree = new Tree();
  tree.symlink("/link", "/etc");
  tree.file("/file", "");
  tree.file("/full/inside", "");
  tree.directory("/empty");
  for (const path of ["/link/passwd", "/file/x/y", "/link/a/b"]) {
    expect(() => tree.file(path, "")).toThrow("the packages do not fit together");
  }
  expect(() => tree.symlink("/full", "/etc")).toThrow("/full is a directory and a symlink");
  tree.symlink("/empty", "/etc");
  expect(tree.get("/empty")?.type).toBe("symlink");
});

test("keeps large files out of memory and gives any part of them", async () => {
  await using spool = await Spool.create(join(await temporaryDirectory(), "spool"));
  const body = (size: number, fill: string) => ({
    async *[Symbol.asyncIterator]() {
      yield Buffer.alloc(size / 2, fill);
      yield Buffer.alloc(size / 2, fill);
    },
  });
  const small = await spool.add(body(10, "s"), 10);
  const large = await spool.add(body(100_000, "l"), 100_000);
  const larger = await spool.add(body(200_000, "L"), 200_000);
  expect(small.kind).toBe("bytes");
  expect(large.kind).toBe("spooled");
  expect((await readAll(large)).equals(Buffer.alloc(100_000, "l"))).toBe(true);
  expect((await readRange(larger, 199_998, 10)).toString()).toBe("LL");
});
