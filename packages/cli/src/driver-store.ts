import { dirname, join, resolve } from "node:path";
import { firstPartyDriver, type Host, MkError } from "@mk/core";
import type { Context } from "./context.js";
import { runAttached } from "./run-attached.js";

/** Where `mk driver add` keeps packages: `$MK_HOME/drivers`, an npm project of its own with a lockfile. */
export function driverStore(home: string): string {
  return join(home, "drivers");
}

/** What npm takes for a file or directory and looks for in its own working directory: `./x`, `..`, `file:x`, and a tarball's bare name. */
const RELATIVE_PATH = /^(?:file:(?![/~])(.+)|(\.{1,2}(?:[\\/].*)?|[^:@/\\]+\.(?:tgz|tar|tar\.gz)))$/is;

/**
 * What npm is asked to install for a word of the user: a driver's own name stands for its package, a relative path is one of `cwd`.
 * INVALID_ARGUMENT for anything that is a flag.
 */
export function packageSpec(word: string, cwd: string): string {
  const [, name = word, range = ""] = /^([a-z][a-z0-9-]*)(@.+)?$/.exec(word) ?? [];
  const known = firstPartyDriver(name);
  if (known !== undefined) return `${known.packageName}${range}`;
  if (word === "" || word.startsWith("-")) {
    throw new MkError("INVALID_ARGUMENT", `${JSON.stringify(word)} is not the name of a package`, {
      hint: "Give a package such as @mk/driver-qemu or mk-driver-example.",
    });
  }
  const [, url, path = url] = RELATIVE_PATH.exec(word) ?? [];
  return path === undefined ? word : resolve(cwd, path);
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
  const [file, ...before] = await npmProgram(host);
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

/** npm as a program, or on Windows, where npm is a batch file that cannot be run without a shell, as the script that lies beside Node. */
export async function npmProgram({ which, files }: Host): Promise<readonly [string, ...string[]]> {
  const npm = await which("npm");
  if (npm !== undefined) return [npm];
  const script = join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js");
  if ((await files.stat(script)) !== undefined) return [process.execPath, script];
  throw new MkError("COMMAND_NOT_FOUND", "npm is not installed", { hint: "Install npm; it comes with Node." });
}

/** A package that the user added, not one that others depend on. */
export interface AddedPackage {
  /** What it was asked for by: an exact version if it comes from a registry, else an absolute path or a URL. */
  readonly source: string;
  /** These two are absent for a directory: it is linked. */
  readonly version: string | undefined;
  readonly integrity: string | undefined;
}

/** The packages of the store by name, without what they depend on. CONFIG_CORRUPT when npm's files there are damaged. */
export async function addedPackages(context: Context): Promise<ReadonlyMap<string, AddedPackage>> {
  const { dependencies } = await readStoreFile(context, "package.json");
  const { packages } = await readStoreFile(context, "package-lock.json");
  const locked = record(packages);
  const added = Object.entries(record(dependencies)).map(([name, spec]) => {
    const { version, integrity } = record(locked[`node_modules/${name}`]);
    const source = String(spec).replace(/^file:(.*)$/s, (_, path: string) => resolve(driverStore(context.home), path));
    return [name, { source, version: text(version), integrity: text(integrity) }] as const;
  });
  return new Map(added.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readStoreFile(context: Context, file: string): Promise<Readonly<Record<string, unknown>>> {
  const store = driverStore(context.home);
  const path = join(store, file);
  const contents = await (await context.host()).files.readText(path);
  if (contents === undefined) return {};
  let value: unknown;
  let cause: unknown;
  try {
    value = JSON.parse(contents);
  } catch (error) {
    cause = error;
  }
  if (isRecord(value)) return value;
  throw new MkError("CONFIG_CORRUPT", `${path} is not a JSON object`, {
    hint: `Remove ${store}, then add the drivers again with \`mk driver add\`.`,
    cause,
  });
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
