#!/usr/bin/env node
// Packs every published package as it would be released, and holds the tarball to what a release may be: publint and attw, the list of
// its files, its size and its number of dependencies. `--update` writes the list after a change that is meant.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CONTENTS = "scripts/package-contents.json";
const update = process.argv.includes("--update");
const bin = (name) => join(process.cwd(), "node_modules", ".bin", name);
const manifestOf = (folder) => JSON.parse(readFileSync(join("packages", folder, "package.json"), "utf8"));
const folders = readdirSync("packages").filter((folder) => !manifestOf(folder).private);
const directory = mkdtempSync(join(tmpdir(), "mk-pack-"));
const known = update ? {} : JSON.parse(readFileSync(CONTENTS, "utf8"));
const contents = {};
const faults = [];

/** A check speaks only when it fails. */
function check(name, file, args) {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) faults.push(`${name}:\n${stdout}${stderr}`);
}

/** Names of chunks and of declarations change with every build and every file: what counts is that there is nothing else. */
function filesOf(tarball) {
  const names = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  const general = names.map((name) =>
    name
      .replace(/^package\//, "")
      .replace(/^dist\/.*\.d\.ts$/, "dist/**/*.d.ts")
      .replace(/^man\/.*\.1$/, "man/*.1")
      .replace(/^dist\/[\w.-]+-[A-Z0-9]{8}\.js$/, "dist/<chunk>.js"),
  );
  return [...new Set(general)].sort();
}

try {
  for (const folder of folders) {
    const packed = JSON.parse(
      execFileSync("pnpm", ["pack", "--json", "--pack-destination", directory], {
        cwd: join("packages", folder),
        encoding: "utf8",
      }),
    );
    const tarball = packed.filename;
    check(`publint ${folder}`, bin("publint"), [tarball, "--strict"]);
    const { exports, dependencies = {} } = manifestOf(folder);
    if (exports?.["."]) check(`attw ${folder}`, bin("attw"), [tarball, "--profile", "esm-only", "--no-emoji"]);
    const files = filesOf(tarball);
    const sizeKiB = Math.ceil(statSync(tarball).size / 1024);
    // Room to grow by a quarter before somebody has to say that it is meant.
    contents[folder] = { maxKiB: Math.ceil((sizeKiB * 5) / 4), dependencies: Object.keys(dependencies).sort(), files };
    if (update) continue;
    const { maxKiB, dependencies: named = [], files: expected = [] } = known[folder] ?? {};
    if (JSON.stringify(files) !== JSON.stringify(expected))
      faults.push(`${folder} packs other files than ${CONTENTS} says:\n${files.join("\n")}`);
    if (sizeKiB > (maxKiB ?? 0)) faults.push(`${folder} packs to ${sizeKiB} KiB, its budget is ${maxKiB}`);
    if (JSON.stringify(Object.keys(dependencies).sort()) !== JSON.stringify(named))
      faults.push(`${folder} has other dependencies than ${CONTENTS} says`);
  }
  if (update) writeFileSync(CONTENTS, `${JSON.stringify(contents, null, 2)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
