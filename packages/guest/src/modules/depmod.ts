import { kmodIndex } from "./index-file.js";
import { type ModuleInfo, modinfoFields, moduleName, normalizeName } from "./module-info.js";

export interface DepmodInput {
  readonly modules: readonly ModuleInfo[];
  /** The kernel's modules.order: paths in the order in which the kernel's build linked them. */
  readonly order: readonly string[];
  /** The kernel's modules.builtin: paths of what is built in. */
  readonly builtin: readonly string[];
  /** The kernel's modules.builtin.modinfo. */
  readonly builtinInfo: Buffer;
}

/** All modules that a module needs, those needed by others last: the reverse of the order of loading. */
export function dependenciesOf(name: string, modules: ReadonlyMap<string, ModuleInfo>): readonly string[] {
  const order: string[] = [];
  const seen = new Set<string>([name]);
  const visit = (current: string): void => {
    for (const needed of modules.get(current)?.depends ?? []) {
      if (seen.has(needed)) continue;
      seen.add(needed);
      visit(needed);
      order.push(needed);
    }
  };
  visit(name);
  return order.reverse();
}

function builtinAliases(info: Buffer): readonly (readonly [string, string])[] {
  return modinfoFields(info).flatMap(([key, value]) => {
    const [module, field] = key.split(".");
    return field === "alias" && module !== undefined ? [[value, normalizeName(module)] as const] : [];
  });
}

/**
 * The files that depmod writes beside the modules, by name: what modprobe and the kernel's own module loading read, as text and as kmod's
 * index. Modules that need one that is not there are an error: the kernel could not load them.
 */
export function depmodFiles(input: DepmodInput): ReadonlyMap<string, string | Buffer> {
  const rank = new Map(input.order.map((path, index) => [moduleName(path), index]));
  const byName = new Map(input.modules.map((module) => [module.name, module]));
  const modules = [...input.modules].sort(
    (a, b) =>
      (rank.get(a.name) ?? rank.size) - (rank.get(b.name) ?? rank.size) ||
      (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
  );
  const dependencyLines = modules.map(({ name, path }) => {
    const needed = dependenciesOf(name, byName).map((dependency) => {
      const found = byName.get(dependency);
      if (found === undefined) throw new Error(`the module ${name} needs ${dependency}, which is not there`);
      return found.path;
    });
    return { name, line: [`${path}:`, ...needed].join(" ") };
  });
  const aliases = modules.flatMap(({ name, aliases: own }, priority) =>
    own.map((alias) => ({ alias, key: normalizeName(alias), value: name, priority })),
  );
  const builtinNames = input.builtin.map(moduleName);
  const ownBuiltinAliases = builtinAliases(input.builtinInfo);
  const softdeps = modules.flatMap(({ name, softdeps: own }) => own.map((softdep) => `softdep ${name} ${softdep}`));
  const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");
  return new Map<string, string | Buffer>([
    ["modules.dep", lines(dependencyLines.map(({ line }) => line))],
    [
      "modules.dep.bin",
      kmodIndex(dependencyLines.map(({ name, line }, priority) => ({ key: name, value: line, priority }))),
    ],
    ["modules.alias", lines(aliases.map(({ alias, value }) => `alias ${alias} ${value}`))],
    ["modules.alias.bin", kmodIndex(aliases)],
    ["modules.softdep", lines(softdeps)],
    ["modules.symbols", ""],
    ["modules.symbols.bin", kmodIndex([])],
    ["modules.builtin", lines(input.builtin)],
    ["modules.builtin.bin", kmodIndex(builtinNames.map((key) => ({ key, value: "", priority: 0 })))],
    [
      "modules.builtin.alias.bin",
      kmodIndex(ownBuiltinAliases.map(([alias, value]) => ({ key: normalizeName(alias), value, priority: 0 }))),
    ],
    ["modules.devname", ""],
  ]);
}
