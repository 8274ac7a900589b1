#!/usr/bin/env node
// Packs every published package as it would be released and lets publint and attw judge the tarball.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const bin = (name) => join(process.cwd(), "node_modules", ".bin", name);
const folders = readdirSync("packages").filter(
  (folder) => !JSON.parse(readFileSync(join("packages", folder, "package.json"), "utf8")).private,
);
const directory = mkdtempSync(join(tmpdir(), "mk-pack-"));
let failed = false;

/** A check speaks only when it fails. */
function check(name, file, args) {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status === 0) return;
  failed = true;
  console.error(`${name} failed:\n${stdout}${stderr}`);
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
    const { exports } = JSON.parse(readFileSync(join("packages", folder, "package.json"), "utf8"));
    if (exports?.["."]) check(`attw ${folder}`, bin("attw"), [tarball, "--profile", "esm-only", "--no-emoji"]);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
