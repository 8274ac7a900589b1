import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { run } from "../../test/fixtures/program.js";
import { sampleTree } from "../../test/fixtures/sample-tree.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { readAll } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { writeOciTar } from "./oci-tar.js";

async function archive(tree = sampleTree()): Promise<string> {
  const path = join(await temporaryDirectory(), "root.tar");
  await writeOciTar(path, tree, { timeSeconds: 1_750_000_000, signal: new AbortController().signal });
  return path;
}

const suite = await live({ needs: ["program:tar"] });

suite("with tar as the reference", () => {
  const list = (path: string): readonly string[] =>
    run("tar", ["--list", "--verbose", "--numeric-owner", "--utc", "--quoting-style=literal", "--file", path])
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/ +/g, " "));

  test("lists every entry with its mode, owner, time and target", async () => {
    const lines = list(await archive());
    const devices = sampleTree()
      .entries()
      .filter(({ node }) => node.type.endsWith("-device"));
    expect(devices).toHaveLength(2);
    expect(lines).toHaveLength(sampleTree().size - 1 - devices.length);
    expect(lines).toContain("-rwsr-xr-x 0/0 10 2025-06-15 15:06 usr/bin/sudo");
    expect(lines).toContain("-rw------- 1000/998 4 2025-06-15 15:06 home/mk/own");
    expect(lines).toContain("lrwxrwxrwx 0/0 0 2025-06-15 15:06 etc/link -> ../usr/bin/sudo");
  });

  test("leaves the devices to the engine", async () => {
    expect(list(await archive()).filter((line) => line.includes(" dev/"))).toEqual([
      "drwxr-xr-x 0/0 0 2025-06-15 15:06 dev/",
    ]);
  });

  test.each([
    ["that fits into two fields", `${"d".repeat(90)}/${"n".repeat(90)}`],
    ["that fits into none", `${"d".repeat(200)}/${"n".repeat(200)}`],
    ["in Hungarian", "NetLock_Főtanúsítvány.crt"],
  ])("keeps a name %s", async (_, name) => {
    const tree = new Tree();
    tree.file(`/${name}`, "x");
    tree.symlink("/link", name);
    const lines = list(await archive(tree));
    expect(lines).toContain(`-rw-r--r-- 0/0 1 2025-06-15 15:06 ${name}`);
    expect(lines).toContain(`lrwxrwxrwx 0/0 0 2025-06-15 15:06 link -> ${name}`);
  });

  test("gives back the contents of a large file", async () => {
    const node = sampleTree().get("/data/size-300000");
    const expected = node?.type === "file" ? await readAll(node.contents) : undefined;
    const extracted = run("tar", ["--extract", "--to-stdout", "--file", await archive(), "data/size-300000"]);
    expect(expected?.equals(extracted)).toBe(true);
  });
});

test("the same tree gives the same bytes", async () => {
  const [first, second] = [await readFile(await archive()), await readFile(await archive())];
  expect(first.equals(second)).toBe(true);
});

test("fails with the reason it is aborted for", async () => {
  const path = join(await temporaryDirectory(), "root.tar");
  const reason = new Error("enough");
  const writing = writeOciTar(path, sampleTree(), { timeSeconds: 0, signal: AbortSignal.abort(reason) });
  await expect(writing).rejects.toBe(reason);
});
