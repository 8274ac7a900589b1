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
  remove(packageName: string): Promise<void>;
}

export interface Installer {
  readonly name: string;
  install(directory: string, env: Readonly<Record<string, string>>, packages: readonly string[]): Promise<Installation>;
}

type Run = (file: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<ToolResult>;

/** Every installer whose layout discovery knows and that runs here. */
export function installers(tools: Tools): readonly Installer[] {
  return [
    global("npm -g", (prefix, run) => ({
      bin: join(prefix, "bin/mk"),
      add: (names) => run("npm", ["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", ...names]),
      remove: (name) => run("npm", ["uninstall", "--global", "--prefix", prefix, name]),
    })),
    global("npm (local)", (prefix, run) => ({
      bin: join(prefix, "node_modules/.bin/mk"),
      prepare: () => writeFile(join(prefix, "package.json"), "{}"),
      add: (names) => run("npm", ["install", "--no-audit", "--no-fund", ...names]),
      remove: (name) => run("npm", ["uninstall", name]),
    })),
    global("npm link", (prefix, run) => ({
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
      remove: (name) => run("npm", ["uninstall", "--global", "--prefix", prefix, name]),
    })),
    npx(),
    global("pnpm 10 -g", (prefix, run, env) => pnpm(tools.pnpm10, prefix, run, env)),
    global("pnpm 12 -g", (prefix, run, env) => pnpm(tools.pnpm12, prefix, run, env)),
    global("yarn 1 global", (prefix, run) => {
      const flags = [
        "--prefix",
        prefix,
        "--global-folder",
        join(prefix, "global"),
        "--non-interactive",
        "--no-progress",
      ];
      return {
        bin: join(prefix, "bin/mk"),
        add: (names) => run(process.execPath, [tools.yarn, "global", "add", ...flags, ...names]),
        remove: (name) => run(process.execPath, [tools.yarn, "global", "remove", ...flags, name]),
      };
    }),
    global("bun -g", (prefix, run) => {
      const env = { BUN_INSTALL: prefix, BUN_INSTALL_CACHE_DIR: join(prefix, "cache") };
      return {
        bin: join(prefix, "bin/mk"),
        add: (names) => run(tools.bun, ["add", "--global", "--ignore-scripts", ...names], env),
        remove: (name) => run(tools.bun, ["remove", "--global", name], env),
      };
    }),
  ];
}

interface Steps {
  readonly bin: string;
  prepare?(): Promise<unknown>;
  add(names: readonly string[]): Promise<unknown>;
  remove(name: string): Promise<unknown>;
}

function global(
  name: string,
  stepsFor: (prefix: string, run: Run, env: Readonly<Record<string, string>>) => Steps,
): Installer {
  return {
    name,
    async install(directory, env, packages) {
      await mkdir(directory, { recursive: true });
      const run: Run = (file, args, more = {}) => runTool(file, args, { cwd: directory, env: { ...env, ...more } });
      const steps = stepsFor(directory, run, env);
      await steps.prepare?.();
      await steps.add(packages);
      return {
        mk: (args, { allowFailure = false, env: more = {} } = {}) =>
          runTool(steps.bin, args, { cwd: directory, env: { ...env, ...more }, allowFailure }),
        add: async (added) => void (await steps.add([added])),
        remove: async (removed) => void (await steps.remove(removed)),
      };
    },
  };
}

function pnpm(tool: string, prefix: string, run: Run, env: Readonly<Record<string, string>>): Steps {
  const home = join(prefix, "home");
  const bins = tool.endsWith(".cjs") ? home : join(home, "bin");
  const set = { PNPM_HOME: home, PATH: `${home}:${bins}:${env.PATH}` };
  const call = (args: readonly string[]) =>
    tool.endsWith(".cjs") ? run(process.execPath, [tool, ...args], set) : run(tool, args, set);
  return {
    bin: join(bins, "mk"),
    prepare: () => mkdir(bins, { recursive: true }),
    add: (names) => call(["add", "--global", "--ignore-scripts", ...names]),
    remove: (name) => call(["remove", "--global", name]),
  };
}

/** npx makes a tree per set of packages: what is added or removed is named in the next call. */
function npx(): Installer {
  return {
    name: "npx",
    async install(directory, env, packages) {
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
        remove: async (name) => void named.delete(name),
      };
    },
  };
}
