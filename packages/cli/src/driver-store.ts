import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { firstPartyDriver, MkError } from "@mk/core";
import type { Context } from "./context.js";
import { runAttached } from "./run-attached.js";

/** Where `mk driver add` keeps packages: `$MK_HOME/drivers`, an npm project of its own with a lockfile. */
export function driverStore(home: string): string {
  return join(home, "drivers");
}

/** What npm is asked to install for a word of the user: a driver's own name stands for its package. INVALID_ARGUMENT for anything that is a flag. */
export function packageSpec(word: string): string {
  const [, name = word, range = ""] = /^([a-z][a-z0-9-]*)(@.+)?$/.exec(word) ?? [];
  const known = firstPartyDriver(name);
  if (known !== undefined) return `${known.packageName}${range}`;
  if (word === "" || word.startsWith("-")) {
    throw new MkError("INVALID_ARGUMENT", `${JSON.stringify(word)} is not the name of a package`, {
      hint: "Give a package such as @mk/driver-qemu or mk-driver-example.",
    });
  }
  return word;
}

/** Install scripts are code that runs before anybody chose the driver. */
const OWN_FLAGS = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"] as const;

/**
 * Runs npm in the drivers' folder. Install scripts never run, and the lockfile with its integrity hashes is kept. COMMAND_NOT_FOUND
 * without npm, COMMAND_FAILED when it fails.
 */
export async function runNpm(context: Context, args: readonly string[]): Promise<void> {
  const host = await context.host();
  const store = driverStore(context.home);
  await host.files.makeDirectory(store);
  const manifest = join(store, "package.json");
  if ((await host.files.stat(manifest)) === undefined) {
    await host.files.write(manifest, `${JSON.stringify({ name: "mk-drivers", private: true }, undefined, 2)}\n`);
  }
  const [file, ...before] = await npmProgram(context);
  const [action = "", ...rest] = args;
  // Before what the caller gives: behind its `--` npm would take them for packages.
  const all = [...before, action, ...OWN_FLAGS, "--prefix", store, ...rest];
  // A user's own umask may be wider than the ownership check of discovery allows.
  const umask = process.umask(0o022);
  try {
    const exitCode = await runAttached(file, all, { signal: context.signal, env: context.env, cwd: store });
    if (exitCode === 0) return;
    throw new MkError("COMMAND_FAILED", `npm ${args.join(" ")} ended with exit code ${exitCode}`, {
      hint: "Read npm's output above.",
    });
  } finally {
    process.umask(umask);
  }
}

/** npm as a program, or on Windows, where npm is a batch file that cannot be run without a shell, as a script for Node. */
async function npmProgram({ host }: Context): Promise<readonly [string, ...string[]]> {
  const { which, platform, files } = await host();
  const npm = await which("npm");
  if (npm !== undefined && platform !== "win32") return [npm];
  const script = join(dirname(npm ?? process.execPath), "node_modules", "npm", "bin", "npm-cli.js");
  if (npm !== undefined && (await files.stat(script)) !== undefined) return [process.execPath, script];
  throw new MkError("COMMAND_NOT_FOUND", "npm is not installed", { hint: "Install npm; it comes with Node." });
}

/** Packages of the store with the versions and integrity hashes of its lockfile. */
export async function lockedPackages(
  home: string,
): Promise<ReadonlyMap<string, { version: string; integrity: string }>> {
  const text = await readFile(join(driverStore(home), "package-lock.json"), "utf8").catch(() => "{}");
  const lock = JSON.parse(text) as { packages?: Record<string, { version?: string; integrity?: string }> };
  const entries = Object.entries(lock.packages ?? {}).flatMap(([path, { version = "", integrity = "" }]) => {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    return name === undefined ? [] : [[name, { version, integrity }] as const];
  });
  return new Map(entries);
}

/** The packages the user added, without what they depend on, and the version or place each was asked for by. */
export async function addedPackages(home: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(driverStore(home), "package.json"), "utf8").catch(() => "{}");
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  return new Map(Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1)));
}
