import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasProgram, run } from "../../test/fixtures/program.js";
import { sampleTree } from "../../test/fixtures/sample-tree.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { readAll } from "../tree/contents.js";
import { writeOciTar } from "./oci-tar.js";

async function archive(): Promise<string> {
  const path = join(await temporaryDirectory(), "root.tar");
  await writeOciTar(path, sampleTree(), { timeSeconds: 1_750_000_000, signal: new AbortController().signal });
  return path;
}

describe.skipIf(!hasProgram("tar"))("with tar as the reference (needs tar)", () => {
  test("lists every entry with its mode, owner, time and target", async () => {
    const listing = run("tar", [
      "--list",
      "--verbose",
      "--numeric-owner",
      "--utc",
      "--file",
      await archive(),
    ]).toString();
    const lines = listing
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/ +/g, " "));
    expect(lines).toHaveLength(sampleTree().size - 1);
    expect(lines).toContain("-rwsr-xr-x 0/0 10 2025-06-15 15:06 usr/bin/sudo");
    expect(lines).toContain("-rw------- 1000/998 4 2025-06-15 15:06 home/mk/own");
    expect(lines).toContain("lrwxrwxrwx 0/0 0 2025-06-15 15:06 etc/link -> ../usr/bin/sudo");
    expect(lines).toContain("crw------- 0/5 5,1 2025-06-15 15:06 dev/console");
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
