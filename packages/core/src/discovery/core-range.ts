import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** How this core stands to the range a driver declares: in it, below or above it; `invalid` when the range cannot be read. */
export type CoreFit = "fits" | "older" | "newer" | "invalid";

export function coreFit(range: string, coreVersion: string): CoreFit {
  // In a checkout the range is not written yet; the workspace's own core is the right one.
  if (range.startsWith("workspace:") || range === "*") return "fits";
  return simpleFit(range, coreVersion) ?? semverFit(range, coreVersion);
}

/** Loaded only when needed and only these functions: the whole of semver would cost as much as all of discovery. */
function semverFit(range: string, coreVersion: string): CoreFit {
  const validRange = require("semver/ranges/valid.js") as (range: string) => string | null;
  const satisfies = require("semver/functions/satisfies.js") as (version: string, range: string, o: object) => boolean;
  const below = require("semver/ranges/ltr.js") as (version: string, range: string, options: object) => boolean;
  const options = { includePrerelease: true };
  if (validRange(range) === null) return "invalid";
  if (satisfies(coreVersion, range, options)) return "fits";
  return below(coreVersion, range, options) ? "older" : "newer";
}

type Version = readonly [number, number, number];

/**
 * `^1.2.3` and `>=0.1 <1` held against `1.4.0`, the forms in which packages are published; undefined for every other form. It saves each
 * start of mk the load of semver, which takes longer than all of discovery.
 */
function simpleFit(range: string, version: string): CoreFit | undefined {
  const own = /^\d+\.\d+\.\d+$/.test(version) ? parsed(version) : undefined;
  const [, low, high] =
    /^\^(\d+\.\d+\.\d+)$/.exec(range) ?? /^>=(\d+(?:\.\d+){0,2}) <(\d+(?:\.\d+){0,2})$/.exec(range) ?? [];
  if (own === undefined || low === undefined) return undefined;
  if (compare(own, parsed(low)) < 0) return "older";
  return compare(own, high === undefined ? nextBreaking(parsed(low)) : parsed(high)) < 0 ? "fits" : "newer";
}

/** What is not said of a version is 0: `0.1` → `[0, 1, 0]`. */
function parsed(version: string): Version {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  return [major, minor, patch];
}

/** The first version above a caret: the first part that is not 0 counts. */
function nextBreaking([major, minor, patch]: Version): Version {
  if (major > 0) return [major + 1, 0, 0];
  return minor > 0 ? [0, minor + 1, 0] : [0, 0, patch + 1];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
