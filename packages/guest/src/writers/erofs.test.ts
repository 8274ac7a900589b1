import { lstat, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { run } from "../../test/fixtures/program.js";
import { sampleTree } from "../../test/fixtures/sample-tree.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { readAll } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { crc32c } from "./crc32c.js";
import { writeErofs } from "./erofs.js";

const options = {
  uuid: Buffer.from("00112233445566778899aabbccddeeff", "hex"),
  timeSeconds: 1_750_000_000,
  label: "mk-root",
  signal: new AbortController().signal,
};

async function image(tree: Tree): Promise<string> {
  const path = join(await temporaryDirectory(), "root.erofs");
  await writeErofs(path, tree, options);
  return path;
}

const suite = await live({ needs: ["program:fsck.erofs"] });

suite("with erofs-utils as the reference", () => {
  test("every file, link, mode and owner comes out of the image as it went in", async () => {
    const tree = sampleTree();
    const path = await image(tree);
    const target = join(await temporaryDirectory(), "out");
    const args = [`--extract=${target}`, ...(process.getuid?.() === 0 ? ["--preserve"] : ["--no-preserve"]), path];
    run("fsck.erofs", args);
    for (const { path: name, node } of tree.entries()) {
      const found = await lstat(join(target, name));
      if (node.type === "file") {
        expect((await readFile(join(target, name))).equals(await readAll(node.contents)), name).toBe(true);
      } else if (node.type === "symlink") {
        expect(await readlink(join(target, name)), name).toBe(node.target);
      } else if (node.type === "directory") expect(found.isDirectory(), name).toBe(true);
      if (process.getuid?.() === 0 && node.type !== "symlink") {
        // fsck.erofs changes the owner last, which clears setuid: the next test looks at that.
        expect({ name, mode: found.mode & 0o1777, uid: found.uid, gid: found.gid }).toEqual({
          name,
          mode: node.mode & 0o1777,
          uid: node.uid,
          gid: node.gid,
        });
      }
    }
  });

  test("the file system checks clean and says what it is", async () => {
    const path = await image(sampleTree());
    expect(run("fsck.erofs", [path]).toString()).not.toMatch(/error|corrupt/i);
    const summary = run("dump.erofs", ["-s", path]).toString();
    expect(summary).toMatch(/UUID: +00112233-4455-6677-8899-aabbccddeeff/);
    expect(summary).toContain(`inode count:                       ${sampleTree().size}\n`);
  });

  test("setuid stays", async () => {
    const target = join(await temporaryDirectory(), "out");
    run("fsck.erofs", [`--extract=${target}`, "--preserve-perms", "--no-preserve-owner", await image(sampleTree())]);
    expect((await lstat(join(target, "usr/bin/sudo"))).mode & 0o7777).toBe(0o4755);
  });

  test("an empty tree is a file system too", async () => {
    const path = await image(new Tree());
    expect(() => run("fsck.erofs", [path])).not.toThrow();
  });
});

test("the same tree gives the same bytes", async () => {
  const [first, second] = [await readFile(await image(sampleTree())), await readFile(await image(sampleTree()))];
  expect(first.equals(second)).toBe(true);
});

test("files with the same contents share their blocks", async () => {
  const tree = new Tree();
  tree.file("/a", Buffer.alloc(1 << 20, 1));
  const once = (await lstat(await image(tree))).size;
  tree.put("/b", tree.get("/a")!);
  expect((await lstat(await image(tree))).size).toBe(once);
});

test("writing ends when it is aborted", async () => {
  const path = join(await temporaryDirectory(), "root.erofs");
  const reason = new Error("enough");
  await expect(writeErofs(path, sampleTree(), { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("crc32c agrees with the check value of its definition", () => {
  expect((crc32c(0xffffffff, Buffer.from("123456789")) ^ 0xffffffff) >>> 0).toBe(0xe3069283);
});
