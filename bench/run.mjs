#!/usr/bin/env node
// All benchmarks in one run, ending with one table of ratios: `pnpm build && pnpm bench [name …]`.
// Runs alone: what else the computer does shows in the figures. Needs QEMU, Docker, libvirt and Go, as the live tests do.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const here = (script) => [process.execPath, join(root, "bench", script)];
const inPackage = (name) => ["pnpm", "--silent", "--filter", `@mk/${name}`, "bench"];
const BENCHMARKS = {
  "start-up": here("start-up.mjs"),
  memory: here("memory.mjs"),
  qemu: inPackage("driver-qemu"),
  docker: inPackage("driver-docker"),
  kvm2: inPackage("driver-kvm2"),
  libmachine: inPackage("libmachine"),
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "mk-bench-"));
const ratios = join(directory, "ratios");
writeFileSync(ratios, "");
const env = { ...process.env, MK_BENCH_RATIOS: ratios };
// Node 20 reads these certificates at each start, which takes longer than the rest of it.
delete env.NODE_EXTRA_CA_CERTS;
const failed = [];
try {
  for (const name of named.length > 0 ? named : Object.keys(BENCHMARKS)) {
    console.log(`\n== ${name}`);
    const [file, ...args] = BENCHMARKS[name];
    if (spawnSync(file, args, { cwd: root, env, stdio: "inherit" }).status !== 0) failed.push(name);
  }
  const lines = readFileSync(ratios, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  console.log("\n== all ratios of this run\n\n| what | ratio | aim |\n| --- | --- | --- |");
  for (const { what, ratio, aim } of lines) console.log(`| ${what} | ${ratio.toFixed(2)} | ${aim ?? ""} |`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exit(1);
}
