import { type ModuleInfo, moduleName } from "./module-info.js";

/**
 * The modules whose paths match, with all that those need, in the order of `paths`. Only these are read. Patterns are matched without
 * `kernel/`.
 */
export async function selectModules<T extends { readonly info: ModuleInfo }>(
  paths: readonly string[],
  wanted: readonly RegExp[],
  read: (path: string) => Promise<T>,
): Promise<readonly T[]> {
  const byName = new Map(paths.map((path) => [moduleName(path), path]));
  const taken = new Map<string, T>();
  let next = new Set(paths.filter((path) => wanted.some((pattern) => pattern.test(path.replace(/^kernel\//, "")))));
  while (next.size > 0) {
    const found = await Promise.all([...next].map(async (path) => [path, await read(path)] as const));
    for (const [path, module] of found) taken.set(path, module);
    const needed = found.flatMap(([, { info }]) => info.depends.flatMap((name) => byName.get(name) ?? []));
    next = new Set(needed.filter((path) => !taken.has(path)));
  }
  return paths.flatMap((path) => taken.get(path) ?? []);
}
