import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool, type ToolResult } from "./run-tool.js";
import type { Tools } from "./tools.js";

/** mk as one installer put it there. */
export interface Installation {
  /** Runs the installed `mk`. */
  mk(
    args: readonly string[],
    options?: { readonly allowFailure?: boolean; readonly env?: Readonly<Record<string, string>> },
  ): Promise<ToolResult>;
  /** Installs one more package beside it, the same way. */
  add(packageName: string): Promise<void>;
  /** Removes packages with one command. */
  remove(...packageNames: readonly string[]): Promise<void>;
}

export interface Installer {
  readonly name: string;
  install(
    directory: string,
    options: {
      readonly tools: Tools;
      readonly env: Readonly<Record<string, string>>;
      readonly packages: readonly string[];
    },
  ): Promise<Installation>;
}

/** Where one installer works, and with what. */
interface Place {
  readonly prefix: string;
  readonly tools: Tools;
  readonly env: Readonly<Record<string, string>>;
  run(file: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ToolResult>;
}

/** Every installer whose layout discovery knows and that runs here, global and, where it has that too, local. */
export const INSTALLERS: readonly Installer[] = [
  inDirectory("npm -g", ({ prefix, run }) => ({
    bin: join(prefix, "bin/mk"),
    add: (names) => run("npm", ["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", ...names]),
    remove: (names) => run("npm", ["uninstall", "--global", "--prefix", prefix, ...names]),
  })),
  inDirectory("npm", ({ prefix, run }) => ({
    bin: join(prefix, "node_modules/.bin/mk"),
    prepare: () => emptyProject(prefix),
    add: (names) => run("npm", ["install", "--no-audit", "--no-fund", ...names]),
    remove: (names) => run("npm", ["uninstall", ...names]),
  })),
  inDirectory("npm link", ({ prefix, run }) => ({
    bin: join(prefix, "bin/mk"),
    // The command is linked from a checkout of its own; the drivers lie in the global tree.
    prepare: async () => {
      const checkout = join(prefix, "checkout");
      await mkdir(checkout);
      await writeFile(join(checkout, "package.json"), "{}");
      await run("npm", ["install", "--prefix", checkout, "--no-audit", "--no-fund", "@mk/cli"]);
      await mkdir(join(prefix, "lib/node_modules/@mk"), { recursive: true });
      await mkdir(join(prefix, "bin"));
      await symlink(join(checkout, "node_modules/@mk/cli"), join(prefix, "lib/node_modules/@mk/cli"));
      await symlink("../lib/node_modules/@mk/cli/dist/bin.js", join(prefix, "bin/mk"));
    },
    add: (names) =>
      run("npm", [
        "install",
        "--global",
        "--prefix",
        prefix,
        "--no-audit",
        "--no-fund",
        ...names.filter((name) => name !== "@mk/cli"),
      ]),
    remove: (names) => run("npm", ["uninstall", "--global", "--prefix", prefix, ...names]),
  })),
  npx(),
  inDirectory("pnpm 10", (place) => localPnpm(place.tools.pnpm10, place)),
  inDirectory("pnpm 10 -g", (place) => globalPnpm(place.tools.pnpm10, place)),
  inDirectory("pnpm 12", (place) => localPnpm(place.tools.pnpm12, place)),
  inDirectory("pnpm 12 -g", (place) => globalPnpm(place.tools.pnpm12, place)),
  inDirectory("yarn 1", ({ prefix, run, tools }) => {
    const flags = ["--non-interactive", "--no-progress"];
    return {
      bin: join(prefix, "node_modules/.bin/mk"),
      prepare: () => emptyProject(prefix),
      add: (names) => run(process.execPath, [tools.yarn, "add", ...flags, ...names]),
      remove: (names) => run(process.execPath, [tools.yarn, "remove", ...flags, ...names]),
    };
  }),
  inDirectory("yarn 1 global", ({ prefix, run, tools }) => {
    const flags = ["--prefix", prefix, "--global-folder", join(prefix, "global"), "--non-interactive", "--no-progress"];
    return {
      bin: join(prefix, "bin/mk"),
      add: (names) => run(process.execPath, [tools.yarn, "global", "add", ...flags, ...names]),
      remove: (names) => run(process.execPath, [tools.yarn, "global", "remove", ...flags, ...names]),
    };
  }),
  inDirectory("bun", ({ prefix, run, tools }) => {
    const env = { BUN_INSTALL_CACHE_DIR: join(prefix, "cache") };
    return {
      bin: join(prefix, "node_modules/.bin/mk"),
      prepare: () => emptyProject(prefix),
      add: (names) => run(tools.bun, ["add", "--ignore-scripts", ...names], env),
      remove: (names) => run(tools.bun, ["remove", ...names], env),
    };
  }),
  inDirectory("bun -g", ({ prefix, run, tools }) => {
    const env = { BUN_INSTALL: prefix, BUN_INSTALL_CACHE_DIR: join(prefix, "cache") };
    return {
      bin: join(prefix, "bin/mk"),
      add: (names) => run(tools.bun, ["add", "--global", "--ignore-scripts", ...names], env),
      remove: (names) => run(tools.bun, ["remove", "--global", ...names], env),
    };
  }),
];

interface Steps {
  readonly bin: string;
  prepare?(): Promise<unknown>;
  add(names: readonly string[]): Promise<unknown>;
  remove(names: readonly string[]): Promise<unknown>;
}

function inDirectory(name: string, stepsFor: (place: Place) => Steps): Installer {
  return {
    name,
    async install(directory, { tools, env, packages }) {
      await mkdir(directory, { recursive: true });
      const run: Place["run"] = (file, args, more = {}) =>
        runTool(file, args, { cwd: directory, env: { ...env, ...more } });
      const steps = stepsFor({ prefix: directory, tools, env, run });
      await steps.prepare?.();
      await steps.add(packages);
      return {
        mk: (args, { allowFailure = false, env: more = {} } = {}) =>
          runTool(steps.bin, args, { cwd: directory, env: { ...env, ...more }, allowFailure }),
        add: async (added) => void (await steps.add([added])),
        remove: async (...removed) => void (await steps.remove(removed)),
      };
    },
  };
}

/** A project of the user's in which mk is one of the dependencies. */
async function emptyProject(directory: string): Promise<void> {
  await writeFile(join(directory, "package.json"), "{}");
}

/** pnpm 10 is a script, pnpm 12 a program. */
function pnpmCall(tool: string, args: readonly string[]): readonly [string, readonly string[]] {
  return tool.endsWith(".cjs") ? [process.execPath, [tool, ...args]] : [tool, args];
}

function localPnpm(tool: string, { prefix, run }: Place): Steps {
  return {
    bin: join(prefix, "node_modules/.bin/mk"),
    prepare: async () => {
      await emptyProject(prefix);
      // Said once for the project: pnpm 12 also fails to remove a package while the scripts of another are undecided.
      await writeFile(join(prefix, "pnpm-workspace.yaml"), "ignoreScripts: true\n");
    },
    add: (names) => run(...pnpmCall(tool, ["add", ...names])),
    remove: (names) => run(...pnpmCall(tool, ["remove", ...names])),
  };
}

function globalPnpm(tool: string, { prefix, run, env }: Place): Steps {
  const home = join(prefix, "home");
  const bins = tool.endsWith(".cjs") ? home : join(home, "bin");
  const set = { PNPM_HOME: home, PATH: `${home}:${bins}:${env.PATH}` };
  return {
    bin: join(bins, "mk"),
    prepare: () => mkdir(bins, { recursive: true }),
    add: (names) => run(...pnpmCall(tool, ["add", "--global", "--ignore-scripts", ...names]), set),
    remove: (names) => run(...pnpmCall(tool, ["remove", "--global", ...names]), set),
  };
}

/** npx makes a tree per set of packages: what is added or removed is named in the next call. */
function npx(): Installer {
  return {
    name: "npx",
    async install(directory, { env, packages }) {
      await mkdir(directory, { recursive: true });
      const named = new Set(packages);
      return {
        mk: (args, { allowFailure = false, env: more = {} } = {}) =>
          runTool("npx", ["--yes", ...[...named].flatMap((name) => ["--package", name]), "mk", ...args], {
            cwd: directory,
            env: { ...env, ...more },
            allowFailure,
          }),
        add: async (name) => void named.add(name),
        remove: async (...names) => {
          for (const name of names) named.delete(name);
        },
      };
    },
  };
}
