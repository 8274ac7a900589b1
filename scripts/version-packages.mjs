#!/usr/bin/env node
// `changeset version`, with the ranges kept closed. A range that a release leaves is written anew by it as `>=` and nothing more; but what
// was built against one major of core cannot speak for the next, so the end of the range is put back.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const changeset = join(import.meta.dirname, "../node_modules/@changesets/cli/bin.js");
const { status } = spawnSync(process.execPath, [changeset, "version"], { stdio: "inherit" });
if (status !== 0) process.exit(1);
for (const folder of readdirSync("packages")) {
  const path = join("packages", folder, "package.json");
  const text = readFileSync(path, "utf8");
  const closed = text.replace(
    /"workspace:>=(\d+)\.[^" ]+(?=")/g,
    (range, major) => `${range} <${Number(major) + 1}.0.0`,
  );
  if (closed !== text) writeFileSync(path, closed);
}
