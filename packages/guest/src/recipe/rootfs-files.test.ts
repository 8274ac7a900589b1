import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { run } from "../../test/fixtures/program.js";
import { readInitramfsInit, rootfsDirectory } from "../assets.js";
import { readAll } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { addRootfsFiles } from "./rootfs-files.js";

async function rootfs(): Promise<Tree> {
  const tree = new Tree();
  await addRootfsFiles(tree, rootfsDirectory);
  return tree;
}

test("scripts are executable and other files are not, whatever the host thinks of modes", async () => {
  const tree = await rootfs();
  expect(tree.get("/usr/lib/mk/boot")?.mode).toBe(0o755);
  expect(tree.get("/usr/lib/mk/functions")?.mode).toBe(0o644);
  expect(tree.get("/etc/inittab")?.mode).toBe(0o644);
});

test("init runs nothing that is not there", async () => {
  const tree = await rootfs();
  const node = tree.get("/etc/inittab");
  const text = node?.type === "file" ? (await readAll(node.contents)).toString() : "";
  const commands = [...text.matchAll(/^::[a-z]+:(\S+)(?: (\S+))?$/gm)];
  expect(commands.length).toBeGreaterThan(5);
  for (const [, program, service] of commands) {
    expect(tree.has(program!), program).toBe(true);
    if (service !== undefined) expect(tree.has(`/usr/lib/mk/services/${service}`), service).toBe(true);
  }
});

const suite = await live({ needs: ["program:sh"] });

suite("with a shell as the reference", () => {
  test("every script parses", async () => {
    const scripts = [await readInitramfsInit()];
    for (const { node } of (await rootfs()).entries()) {
      if (node.type === "file" && node.mode === 0o755) scripts.push((await readAll(node.contents)).toString());
    }
    expect(scripts.length).toBeGreaterThan(10);
    for (const script of scripts) expect(() => run("sh", ["-n"], script)).not.toThrow();
  });
});
