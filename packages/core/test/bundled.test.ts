import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryDirectory } from "@mk/testing";
import { expect, it } from "vitest";
import { bundle } from "./step-kill/bundle.js";

it("finds drivers from a program that core is bundled into", async () => {
  await using directory = await temporaryDirectory("mk-bundled-");
  const program = await bundle(join(import.meta.dirname, "bundled", "discover.ts"), directory.path);
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env: { HOME: directory.path } });
  expect(JSON.parse(stdout)).toEqual([]);
});
