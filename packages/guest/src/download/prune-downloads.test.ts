import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { pruneDownloads } from "./prune-downloads.js";

const DAY_MS = 24 * 60 * 60 * 1000;

test("keeps what this build or a recent one used, and removes the rest", async () => {
  const directory = await temporaryDirectory();
  const now = Date.parse("2026-06-01T00:00:00Z");
  for (const [name, days] of [
    ["used", 90],
    ["recent", 29],
    ["old", 31],
    ["old.part", 31],
  ] as const) {
    await writeFile(join(directory, name), "");
    await utimes(join(directory, name), new Date(now), new Date(now - days * DAY_MS));
  }
  await pruneDownloads(directory, new Set(["used"]), now);
  expect((await readdir(directory)).sort()).toEqual(["recent", "used"]);
  await pruneDownloads(directory, new Set(), now + 20 * DAY_MS);
  expect(await readdir(directory)).toEqual(["used"]);
});
