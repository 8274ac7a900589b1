import type { ModuleInfo } from "./module-info.js";

/** The modules that the patterns name, with all that those need. Paths are matched without `kernel/`. */
export function selectModules(modules: readonly ModuleInfo[], wanted: readonly RegExp[]): readonly ModuleInfo[] {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const taken = new Set<ModuleInfo>();
  const take = (module: ModuleInfo): void => {
    if (taken.has(module)) return;
    taken.add(module);
    for (const name of module.depends) {
      const needed = byName.get(name);
      if (needed !== undefined) take(needed);
    }
  };
  for (const module of modules) {
    const path = module.path.replace(/^kernel\//, "");
    if (wanted.some((pattern) => pattern.test(path))) take(module);
  }
  return modules.filter((module) => taken.has(module));
}
