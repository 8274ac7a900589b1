#!/usr/bin/env node
// Everything that can be said about the tree without running it: formatting and lint, types, unused code, package shape.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const bin = (name) => join("node_modules", ".bin", name);
const checks = [
  ["lint and format", bin("biome"), ["check", "--error-on-warnings", "."]],
  ["types", bin("tsc"), ["-p", "tsconfig.json"]],
  ["unused code and dependencies", bin("knip"), []],
  ["packages", process.execPath, ["scripts/check-packages.mjs"]],
  ["public APIs", process.execPath, ["scripts/api-report.mjs"]],
];

const failed = [];
for (const [name, file, args] of checks) {
  const start = performance.now();
  const { status } = spawnSync(file, args, { stdio: "inherit" });
  console.log(`${status === 0 ? "ok  " : "FAIL"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exit(1);
}
