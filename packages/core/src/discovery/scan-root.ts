import { existsSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "./names-in.js";
import type { DriverRoot } from "./roots.js";

/** A package that by its name may be a driver. Nothing of it was read yet. */
export interface Candidate {
  readonly directory: string;
  /** What its manifest must be named; absent for a directory the user named directly. */
  readonly packageName?: string;
}

/** The packages of a root called `@mk/driver-*`, `mk-driver-*` or `@<scope>/mk-driver-*`, by name; the root itself when it is a package. */
export function scanRoot(root: DriverRoot): readonly Candidate[] {
  if (root.kind === "user" && existsSync(join(root.directory, "package.json"))) return [{ directory: root.directory }];
  const names = namesIn(root.directory).flatMap((name) => {
    if (name.startsWith("mk-driver-")) return [name];
    if (!name.startsWith("@")) return [];
    const prefix = name === "@mk" ? "driver-" : "mk-driver-";
    return namesIn(join(root.directory, name))
      .filter((own) => own.startsWith(prefix))
      .map((own) => `${name}/${own}`);
  });
  return names.sort().map((packageName) => ({ directory: join(root.directory, packageName), packageName }));
}
