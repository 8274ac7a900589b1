import { createRequire } from "node:module";

/** Version of the @mk/core this CLI runs with. */
export function coreVersion(): string {
  return createRequire(import.meta.url)("@mk/core/package.json").version;
}
