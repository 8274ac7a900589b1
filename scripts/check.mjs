#!/usr/bin/env node
// Everything that can be said about the tree without running it: formatting and lint, types, unused code, package shape and APIs.
import { spawn } from "node:child_process";
import { join } from "node:path";

const bin = (name) => join("node_modules", ".bin", name);
const checks = [
  ["lint and format", bin("biome"), ["check", "--error-on-warnings", "."]],
  ["types", bin("tsc"), ["-p", "tsconfig.json"]],
  ["unused code and dependencies", bin("knip"), []],
  ["packages", process.execPath, ["scripts/check-packages.mjs"]],
  ["public APIs", process.execPath, ["scripts/api-report.mjs"]],
];

/** Ends with the name of a check that failed. What it says comes in one piece, since all run at once. */
function run([name, file, args]) {
  return new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => said.push(chunk));
    child.on("error", (error) => said.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (status) => {
      process.stdout.write(Buffer.concat(said));
      console.log(`${status === 0 ? "ok  " : "FAIL"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
      resolve(status === 0 ? undefined : name);
    });
  });
}

// Packages and APIs are checked as built: an old build would have them pass.
if ((await run(["build", bin("turbo"), ["run", "build", "--output-logs=errors-only"]])) !== undefined) process.exit(1);
const failed = (await Promise.all(checks.map(run))).filter((name) => name !== undefined);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exit(1);
}
