import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { namesIn } from "./names-in.js";

/** A directory searched for driver packages. */
export interface DriverRoot {
  readonly directory: string;
  /** `user`: named by the user; `home`: mk's own drivers folder; `installed`: where the CLI itself was installed. */
  readonly kind: "user" | "home" | "installed";
}

export interface RootsInput {
  /** mk's home. */
  readonly home: string;
  /** Absolute path of a module of the CLI. */
  readonly modulePath: string;
  /** `process.argv[1]`: not resolved by Node, so it shows where an installer linked the CLI from. */
  readonly argv1?: string | undefined;
  readonly driverPath?: string | undefined;
  readonly configured?: readonly string[] | undefined;
}

/**
 * Where drivers may lie, strongest first: directories the user named, mk's own drivers folder, then what each installer makes of
 * `install -g @mk/cli @mk/driver-x`. Everything follows from where mk itself lies or from the user; the working directory and NODE_PATH
 * play no part. Relative directories are left out.
 */
export function driverRoots(input: RootsInput): readonly DriverRoot[] {
  const named = [...(input.driverPath ?? "").split(delimiter), ...(input.configured ?? [])].filter(isAbsolute);
  const starts = new Set([input.modulePath, ...linkHops(input.modulePath)]);
  if (input.argv1 !== undefined && isAbsolute(input.argv1)) {
    for (const hop of linkHops(input.argv1)) starts.add(hop);
  }
  const roots = new Map<string, DriverRoot>();
  const add = (directory: string, kind: DriverRoot["kind"]) => {
    if (!roots.has(directory)) roots.set(directory, { directory, kind });
  };
  for (const directory of named) add(resolve(directory), "user");
  add(join(input.home, "drivers", "node_modules"), "home");
  for (const start of starts) for (const directory of aroundInstallation(start)) add(directory, "installed");
  return [...roots.values()];
}

/** The path, each target on its chain of symlinks, and the real path, which also resolves linked directories (npm link, pnpm). */
function linkHops(path: string): readonly string[] {
  const hops = [path];
  let current = path;
  // Chains are one or two links long; the bound ends loops.
  for (let hop = 0; hop < 16 && isSymlink(current); hop++) {
    current = resolve(dirname(current), readlinkSync(current));
    hops.push(current);
  }
  try {
    hops.push(realpathSync(path));
  } catch {
    // A path that does not resolve has no further hop.
  }
  return hops;
}

function isSymlink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/**
 * npm, yarn 1, bun, npx and pnpm up to 10 put drivers in a node_modules at or beside an ancestor of the CLI. pnpm from 11 on gives each
 * global install a directory of its own (`global/v11/<hash>/node_modules`), Volta each package an image (`packages/<name>/lib/node_modules`).
 */
function* aroundInstallation(start: string): Iterable<string> {
  for (let directory = dirname(start); ; directory = dirname(directory)) {
    if (basename(directory) === "node_modules") yield directory;
    else yield join(directory, "node_modules");
    const parent = dirname(directory);
    if (parent === directory) return;
    if (/^v\d+$/.test(basename(directory)) && basename(parent) === "global") {
      for (const install of namesIn(directory).sort()) yield join(directory, install, "node_modules");
    }
    if (directory.endsWith(`${sep}tools${sep}image${sep}packages`)) yield* voltaImages(directory);
  }
}

function* voltaImages(packages: string): Iterable<string> {
  for (const name of namesIn(packages).sort()) {
    const scoped = name.startsWith("@")
      ? namesIn(join(packages, name))
          .sort()
          .map((own) => join(name, own))
      : [name];
    for (const image of scoped) {
      if (/(^|[\\/]mk-|^@mk[\\/]|^mk-)driver-/.test(image)) yield join(packages, image, "lib", "node_modules");
    }
  }
}
