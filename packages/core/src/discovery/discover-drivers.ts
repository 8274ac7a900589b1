import { createRequire } from "node:module";
import { delimiter, isAbsolute } from "node:path";
import { packageEntry } from "../registry/driver-entry.js";
import type { DriverEntry, SkippedDriver } from "../registry/entry.js";
import { type ExternalDriver, externalDrivers } from "./external-drivers.js";
import type { Here } from "./parse-manifest.js";
import { readManifest } from "./read-manifest.js";
import { type DriverRoot, driverRoots, type RootsInput } from "./roots.js";
import { scanRoot } from "./scan-root.js";

declare const MK_CORE_VERSION: string | undefined;

/** Where drivers are looked for, and who asks. What of {@link Here} is left out is that of this process and this copy of core. */
export interface DiscoveryInput extends Omit<RootsInput, "driverPath">, Partial<Here> {
  /** MK_DRIVER_PATH and PATH are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Makes the entry of a `docker-machine-driver-*` executable. Without it PATH is not searched. */
  readonly external?: ((found: ExternalDriver) => DriverEntry) | undefined;
}

/** What a search for drivers came to: nothing of what was found has been loaded. */
export interface Discovery {
  readonly found: readonly DriverEntry[];
  readonly skipped: readonly SkippedDriver[];
  /** The directories that were searched, in order, existing or not. */
  readonly roots: readonly DriverRoot[];
}

/**
 * Finds the installed drivers by their manifests; no code of any is loaded. The first root wins, names and aliases of the result are
 * unique, and everything that looked like a driver but is not found is in `skipped` with the reason. Never throws for a package's sake.
 */
export function discoverDrivers(input: DiscoveryInput): Discovery {
  const here: Here = {
    platform: input.platform ?? process.platform,
    arch: input.arch ?? process.arch,
    uid: input.uid ?? process.getuid?.(),
    coreVersion: input.coreVersion ?? ownVersion(),
  };
  const roots = driverRoots({ ...input, driverPath: input.env.MK_DRIVER_PATH });
  const taken = new Map<string, DriverEntry>();
  const seen = new Set<string>();
  const found: DriverEntry[] = [];
  const skipped: SkippedDriver[] = relativeDirectories(input.env.MK_DRIVER_PATH);

  for (const candidate of roots.flatMap(scanRoot)) {
    if (seen.has(candidate.directory)) continue;
    seen.add(candidate.directory);
    const manifest = readManifest(candidate, here);
    if ("reason" in manifest) {
      // A link to a package skipped before (pnpm, npm link) says nothing new.
      const known = skipped.some((other) => other.name === manifest.name && other.origin === manifest.origin);
      if (!known) skipped.push(manifest);
    } else if (!found.some((entry) => entry.manifest?.directory === manifest.directory)) {
      add(packageEntry(manifest));
    }
  }
  if (input.external !== undefined) {
    for (const program of externalDrivers(input.env.PATH, here.uid)) {
      // What our own packages bring for docker-machine is the same driver once more.
      if (program.name.startsWith("mk") && taken.has(program.name.slice(2))) continue;
      if (program.distrusted === undefined) add(input.external(program));
      else skipped.push({ name: program.name, origin: program.path, kind: "untrusted", reason: program.distrusted });
    }
  }
  return { found: found.sort((a, b) => (a.name < b.name ? -1 : 1)), skipped, roots };

  function add(entry: DriverEntry): void {
    const owner = taken.get(entry.name);
    if (owner !== undefined) {
      const where = owner.manifest === undefined ? owner.origin : `${owner.origin} in ${owner.manifest.directory}`;
      const reason = `${where} has the same name and comes first`;
      skipped.push({ name: entry.name, origin: originOf(entry), kind: "shadowed", reason });
      return;
    }
    const aliases = entry.aliases.filter((alias) => !taken.has(alias));
    for (const alias of entry.aliases.filter((alias) => taken.has(alias))) {
      const reason = `as an alias of ${entry.name}: the name belongs to ${taken.get(alias)?.origin}`;
      skipped.push({ name: alias, origin: originOf(entry), kind: "shadowed", reason });
    }
    const unique = aliases.length === entry.aliases.length ? entry : { ...entry, aliases };
    for (const name of [unique.name, ...aliases]) taken.set(name, unique);
    found.push(unique);
  }
}

/** Directories that the user named and that are not searched. */
function relativeDirectories(driverPath = ""): SkippedDriver[] {
  const relative = driverPath.split(delimiter).filter((directory) => directory !== "" && !isAbsolute(directory));
  return relative.map((directory) => ({
    name: "MK_DRIVER_PATH",
    origin: directory,
    kind: "invalid",
    reason: "names a directory that is not absolute: what it holds would depend on where mk is run",
    fix: "Give the directory from its root in MK_DRIVER_PATH.",
  }));
}

/** Built in: a program that bundles core has no manifest of it beside itself. Only the sources read theirs. */
function ownVersion(): string {
  return typeof MK_CORE_VERSION === "string"
    ? MK_CORE_VERSION
    : createRequire(import.meta.url)("../../package.json").version;
}

function originOf(entry: DriverEntry): string {
  return entry.manifest === undefined ? entry.origin : `${entry.origin} in ${entry.manifest.directory}`;
}
