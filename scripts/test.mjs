#!/usr/bin/env node
// The one test command: builds, runs every suite, ends with one line of totals.
// `node scripts/test.mjs [unit|node|live …] [-- vitest arguments]`
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const bin = (name) => join("node_modules", ".bin", name);
const argv = process.argv.slice(2);
const split = argv.indexOf("--");
const named = split < 0 ? argv : argv.slice(0, split);
const rest = split < 0 ? [] : argv.slice(split + 1);
const projects = named.length > 0 ? named : ["unit", "node", "live"];

/** Each project on the Node that runs this; `node` is `unit` on the others that mk supports, where they are installed. */
const runs = projects.flatMap((project) => {
  if (project !== "node") return [{ project, node: process.execPath }];
  return ["node22", "node24"]
    .filter((name) => !process.version.startsWith(name.replace("node", "v")))
    .map((name) => join("packages", "e2e", "node_modules", name, "bin", "node"))
    .filter((node) => existsSync(node))
    .map((node) => ({ project: "unit", node }));
});

/** The tests must not see a user's own mk. */
const certificates = process.env.NODE_EXTRA_CA_CERTS;
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
for (const name of ["MK_HOME", "MK_DRIVER", "MK_DRIVER_PATH", "MK_FAILPOINTS"]) delete env[name];

const run = (file, args) => spawnSync(file, args, { stdio: "inherit", env });

const built = run(bin("turbo"), ["run", "build", "--output-logs=errors-only"]);
if (built.status !== 0) {
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}

const results = mkdtempSync(join(tmpdir(), "mk-results-"));
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
for (const { project, node } of runs) {
  const output = join(results, `${project}.json`);
  rmSync(output, { force: true });
  env.MK_TEST_TOTALS = output;
  // Node starts 36 ms slower per process with extra certificates. Only live tests reach servers of others.
  if (project === "live" && certificates !== undefined) env.NODE_EXTRA_CA_CERTS = certificates;
  else delete env.NODE_EXTRA_CA_CERTS;
  const { status, signal } = run(node, [
    join("node_modules", "vitest", "vitest.mjs"),
    "run",
    "--project",
    project,
    "--reporter=default",
    `--reporter=${join(import.meta.dirname, "totals-reporter.mjs")}`,
    ...rest,
  ]);
  const where = `${project} on ${node === process.execPath ? `Node ${process.versions.node}` : node}`;
  const before = total.failed;
  try {
    const totals = JSON.parse(readFileSync(output, "utf8"));
    for (const key of Object.keys(total)) total[key] += totals[key];
    failures.push(...totals.failures.map((failure) => `${where}: ${failure}`));
  } catch {
    // It ended before it could report: its status says so.
  }
  if (status !== 0 && total.failed === before) {
    total.failed += 1;
    failures.push(`${where}: vitest ended with ${signal ?? status} and names no test`);
  }
}
rmSync(results, { recursive: true, force: true });
// Once more at the end: what a long run printed before may be cut off.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
