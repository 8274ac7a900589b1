import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { run } from "../../test/fixtures/program.js";
import { sampleTree } from "../../test/fixtures/sample-tree.js";
import { readAll } from "../tree/contents.js";
import { cpioArchive } from "./cpio.js";

const suite = await live({ needs: ["program:cpio"] });

suite("with cpio as the reference", () => {
  test("lists every entry with its mode, owner, size and target", async () => {
    const tree = sampleTree();
    const listing = run(
      "cpio",
      ["--list", "--verbose", "--numeric-uid-gid", "--quiet"],
      await cpioArchive(tree),
    ).toString();
    const lines = listing.trimEnd().split("\n");
    expect(lines).toHaveLength(tree.size - 1);
    const line = (name: string) => lines.find((text) => text.includes(` ${name}`))?.replace(/ +/g, " ");
    expect(line("usr/bin/sudo")).toMatch(/^-rwsr-xr-x 1 0 0 10 /);
    expect(line("home/mk/own")).toMatch(/^-rw------- 1 1000 998 4 /);
    expect(line("tmp")).toMatch(/^drwxrwxrwt /);
    expect(line("etc/link -> ../usr/bin/sudo")).toMatch(/^lrwxrwxrwx /);
    expect(line("dev/console")).toMatch(/^crw------- 1 0 5 5, 1 Jan 1 1970 /);
    expect(line("dev/big")).toMatch(/^brw-rw---- 1 0 6 259, 70000 /);
  });

  test("gives back the contents of a file", async () => {
    const tree = sampleTree();
    const archive = await cpioArchive(tree);
    const node = tree.get("/data/size-12345");
    const expected = node?.type === "file" ? await readAll(node.contents) : undefined;
    const extracted = run("cpio", ["--extract", "--to-stdout", "--quiet", "data/size-12345"], archive);
    expect(expected?.equals(extracted)).toBe(true);
  });
});

test("the same tree gives the same bytes, in whole sectors", async () => {
  const archive = await cpioArchive(sampleTree());
  expect(archive.equals(await cpioArchive(sampleTree()))).toBe(true);
  expect(archive.length % 512).toBe(0);
});
