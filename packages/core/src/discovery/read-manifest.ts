import { closeSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isRecord } from "../is-record.js";
import type { DriverManifest, SkippedDriver } from "../registry/entry.js";
import { mainModule } from "./main-module.js";
import { type Here, parseManifest } from "./parse-manifest.js";
import { Rejection } from "./rejection.js";
import type { Candidate } from "./scan-root.js";
import { distrust } from "./trust.js";

/** A manifest of this size is not a manifest. */
const MAX_BYTES = 256 * 1024;

/** Reads a candidate's package.json and nothing else of it: its manifest, or why it cannot be used. */
export function readManifest(candidate: Candidate, here: Here): DriverManifest | SkippedDriver {
  try {
    const directory = realDirectory(candidate.directory);
    const path = join(directory, "package.json");
    const trust = { uid: here.uid, packageName: candidate.packageName };
    for (const place of [...placesAbove(directory), directory, path]) assertTrusted(place, trust);
    const json = parseObject(readSmallFile(path));
    const manifest = parseManifest(json, candidate.packageName, here);
    const { packageName, version, name } = manifest;
    const facts = { name, origin: `${packageName}@${version}` };
    const entry = mainModule(directory, json);
    if (entry === undefined) {
      throw new Rejection("invalid", "its main module is missing or lies outside the package", {
        ...facts,
        fix: `Install it again: mk driver add ${packageName}`,
      });
    }
    assertTrusted(entry, trust, facts);
    return { ...manifest, directory, entry };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    const fallback = driverNameOf(candidate.packageName ?? candidate.directory);
    return error.describe({ name: fallback, origin: candidate.directory });
  }
}

function realDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new Rejection("invalid", "it is a link that leads nowhere", {
      fix: "Remove it, or install the package again.",
    });
  }
}

/** Directories whose writers can put another package in this one's place: a scope has a directory of its own within `node_modules`. */
function placesAbove(directory: string): readonly string[] {
  const parent = dirname(directory);
  return basename(parent).startsWith("@") ? [dirname(parent), parent] : [parent];
}

interface Trust {
  readonly uid: number | undefined;
  readonly packageName: string | undefined;
}

function assertTrusted(path: string, { uid, packageName }: Trust, facts = {}): void {
  const distrusted = distrust(path, uid);
  if (distrusted === undefined) return;
  // A copy in mk's own folder comes before this one.
  const copy = packageName === undefined ? undefined : `mk driver add ${packageName}`;
  const commands = [distrusted.fix, copy].filter((command) => command !== undefined);
  const fix = commands.length === 0 ? "Install it as this user." : `Run \`${commands.join("` or `")}\`.`;
  throw new Rejection("untrusted", distrusted.reason, { ...facts, fix });
}

/** Reads through one descriptor, so that what was measured is what is read. */
function readSmallFile(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    throw new Rejection("invalid", "its package.json cannot be read", { fix: "Install it again, or remove it." });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Rejection("invalid", "its package.json is not a file");
    if (stat.size > MAX_BYTES) throw new Rejection("invalid", "its package.json is larger than 256 KB");
    const buffer = Buffer.alloc(stat.size);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, stat.size, 0));
  } finally {
    closeSync(fd);
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below, together with JSON that is no object.
  }
  if (isRecord(value)) return value;
  throw new Rejection("invalid", "its package.json is not a JSON object");
}

/** A name for messages about a package whose manifest could not be read: `@x/mk-driver-foo` → `foo`. */
function driverNameOf(packageName: string): string {
  return packageName.replace(/^.*[\\/]/, "").replace(/^(mk-)?driver-/, "");
}
