import { chmod, cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNodeHost, type Host } from "@mk/core";
import { LEASES_FILE } from "../src/address.js";

/** Environment variables by which the stand-in is told where this computer's lease file is, and how to misbehave. */
export interface StandInEnvironment {
  readonly STAND_IN?: string;
}

/**
 * This computer dressed up as an Intel Mac: its real processes, signals and files, with the stand-in on its PATH as
 * `hyperkit` and a lease file of its own.
 */
export async function dressedUpMac(env: StandInEnvironment = {}): Promise<Host & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), "mk-hyperkit-"));
  const leases = join(directory, "dhcpd_leases");
  const bin = join(directory, "bin");
  await mkdir(bin);
  const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url));
  for (const [from, to] of [
    ["hyperkit.mjs", "hyperkit"],
    ["stand-in.mjs", "stand-in.mjs"],
  ] as const) {
    await cp(join(fixtures, from), join(bin, to));
  }
  // Without an extension Node takes a file for CommonJS unless its package says otherwise.
  await cp(join(fixtures, "package.json"), join(bin, "package.json"));
  await chmod(join(bin, "hyperkit"), 0o755);
  const real = createNodeHost({ home: directory });
  const environment = { ...real.env, ...env, STAND_IN_LEASES: leases, PATH: `${bin}:${real.env.PATH}` };
  const at = (path: string) => (path === LEASES_FILE ? leases : path);
  const replaced: Partial<Host> & AsyncDisposable = {
    platform: "darwin",
    arch: "x64",
    homeDirectory: directory,
    user: { ...real.user, uid: 0 },
    env: environment,
    which: async (program) => (program === "hyperkit" ? join(bin, "hyperkit") : real.which(program)),
    run: (file, args, options) => real.run(file, args, { env: environment, ...options }),
    files: withMethod(real.files, "readText", (path, options) => real.files.readText(at(path), options)),
    processes: withMethod(real.processes, "spawnDaemon", (file, args, options) =>
      real.processes.spawnDaemon(file, args, { env: environment, ...options }),
    ),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
  return new Proxy(real, {
    get: (_, key) => (key in replaced ? replaced[key as keyof Host] : boundTo(real, key)),
  }) as Host & AsyncDisposable;
}

function withMethod<T extends object, K extends keyof T>(target: T, name: K, method: T[K]): T {
  return new Proxy(target, { get: (_, key) => (key === name ? method : boundTo(target, key)) });
}

function boundTo(target: object, key: PropertyKey): unknown {
  const found: unknown = Reflect.get(target, key, target);
  return typeof found === "function" ? found.bind(target) : found;
}
