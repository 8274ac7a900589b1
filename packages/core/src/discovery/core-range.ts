import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Whether this core is in the range a driver declares for its peer `@mk/core`; `invalid` when the range cannot be read. */
export function acceptsCore(range: string, coreVersion: string): boolean | "invalid" {
  // In a checkout the range is not written yet; the workspace's own core is the right one.
  if (range.startsWith("workspace:") || range === "*") return true;
  const simple = acceptsCaret(range, coreVersion);
  if (simple !== undefined) return simple;
  // Loaded only now and only these two functions: the whole of semver would cost as much as all of discovery.
  const { validRange, satisfies } = {
    validRange: require("semver/ranges/valid.js") as (range: string) => string | null,
    satisfies: require("semver/functions/satisfies.js") as (version: string, range: string, o?: object) => boolean,
  };
  if (validRange(range) === null) return "invalid";
  return satisfies(coreVersion, range, { includePrerelease: true });
}

/**
 * `^1.2.3` held against `1.4.0`, the form in which packages are published; undefined for every other form. It saves each start of mk the
 * load of semver, which takes longer than all of discovery.
 */
function acceptsCaret(range: string, version: string): boolean | undefined {
  const [, ...low] = (/^\^(\d+)\.(\d+)\.(\d+)$/.exec(range) ?? []).map(Number);
  const [, ...own] = (/^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? []).map(Number);
  const [lowMajor, lowMinor, lowPatch] = low;
  const [major, minor, patch] = own;
  if (lowMajor === undefined || lowMinor === undefined || lowPatch === undefined) return undefined;
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  if (major !== lowMajor) return false;
  if (major > 0) return minor > lowMinor || (minor === lowMinor && patch >= lowPatch);
  if (minor !== lowMinor) return false;
  return lowMinor > 0 ? patch >= lowPatch : patch === lowPatch;
}
