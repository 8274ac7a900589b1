import { realpathSync } from "node:fs";
import { join, sep } from "node:path";

/** Conditions under which Node resolves an `import` of the package. */
const CONDITIONS = new Set(["node", "import", "module-sync", "default"]);

/**
 * The real path of the module that `import "<package>"` would load; undefined when there is none or when it leads out of the package, by
 * `..` or by a symlink. Own resolution, since Node's starts from the importer and under pnpm 11 a CLI cannot see its global siblings.
 */
export function mainModule(directory: string, manifest: Readonly<Record<string, unknown>>): string | undefined {
  const target = "exports" in manifest ? exportsTarget(manifest.exports) : (manifest.main ?? "index.js");
  if (typeof target !== "string") return undefined;
  try {
    const path = realpathSync(join(directory, target));
    return path.startsWith(directory + sep) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Target of `.` in an `exports` field: text, nested conditions in their order, or a list of which the first that fits counts. */
function exportsTarget(field: unknown): string | undefined {
  if (typeof field === "string") return field;
  if (Array.isArray(field)) return firstOf(field.map((item) => () => exportsTarget(item)));
  if (typeof field !== "object" || field === null) return undefined;
  if (Object.hasOwn(field, ".")) return exportsTarget((field as Record<string, unknown>)["."]);
  return firstOf(
    Object.entries(field)
      .filter(([condition]) => CONDITIONS.has(condition))
      .map(
        ([, value]) =>
          () =>
            exportsTarget(value),
      ),
  );
}

function firstOf(choices: readonly (() => string | undefined)[]): string | undefined {
  for (const choice of choices) {
    const found = choice();
    if (found !== undefined) return found;
  }
  return undefined;
}
