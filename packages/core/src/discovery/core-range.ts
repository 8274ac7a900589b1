import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Whether this core is in the range a driver declares for its peer `@mk/core`; `invalid` when the range cannot be read. */
export function acceptsCore(range: string, coreVersion: string): boolean | "invalid" {
  // In a checkout the range is not written yet; the workspace's own core is the right one.
  if (range.startsWith("workspace:") || range === "*") return true;
  // Loaded only now and only these two functions: the whole of semver would cost as much as all of discovery.
  const { validRange, satisfies } = {
    validRange: require("semver/ranges/valid.js") as (range: string) => string | null,
    satisfies: require("semver/functions/satisfies.js") as (version: string, range: string, o?: object) => boolean,
  };
  if (validRange(range) === null) return "invalid";
  return satisfies(coreVersion, range, { includePrerelease: true });
}
