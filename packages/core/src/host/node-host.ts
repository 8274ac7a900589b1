import { availableParallelism, homedir, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { Host, Network } from "../contract/host.js";
import { bootCache } from "./boot-cache.js";
import { type RunTool, readBootId } from "./boot-id.js";
import { delay } from "./delay.js";
import { createFiles } from "./files.js";
import { hostUser } from "./host-user.js";
import { lazyProcesses } from "./lazy-processes.js";
import type { PortLeases } from "./port-lease.js";
import { commandNotFound } from "./spawn-error.js";
import { which } from "./which.js";

/** What of this process a host may see. */
export interface NodeHostOptions {
  /** mk's own directory, for the cache of facts. Default `$MK_HOME`, else `~/.mk`. */
  readonly home?: string;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** This computer, as drivers may use it. Cheap: what costs time to load or to find is loaded and found at its first use. */
export function createNodeHost({ home, env = process.env }: NodeHostOptions = {}): Host {
  const { platform, arch } = process;
  const homeDirectory = env.HOME || homedir();
  const mkHome = home ?? (env.MK_HOME || join(homeDirectory, ".mk"));
  const files = createFiles(platform);

  const resolve = async (file: string): Promise<string> => {
    const path = await which(file, env, platform);
    if (path === undefined) throw commandNotFound(file);
    return path;
  };
  const run: Host["run"] = async (file, args, options = {}) => {
    const [path, module] = await Promise.all([resolve(file), import("./run.js")]);
    return module.run(path, args, options, { platform, env });
  };
  // Output is parsed, and compared with that of other sessions: it must not depend on the user's language or time zone.
  const runTool: RunTool = async (file, args) =>
    (await run(file, args, { env: { ...env, LC_ALL: "C", TZ: "UTC" } })).stdout;

  let boot: Promise<string> | undefined;
  const bootId = (): Promise<string> => (boot ??= readBootId(platform, runTool));

  let user: Host["user"] | undefined;
  return {
    platform,
    arch,
    get cpus() {
      return availableParallelism();
    },
    get memoryMiB() {
      return Math.floor(memoryBytes() / 1024 ** 2);
    },
    get user() {
      user ??= hostUser();
      return user;
    },
    homeDirectory,
    env,
    files,
    processes: lazyProcesses(async () => {
      const [{ createProcesses }, { processLookup }] = await Promise.all([
        import("./processes.js"),
        import("./process-table.js"),
      ]);
      return createProcesses({ platform, env, lookup: processLookup(platform, runTool), bootId, resolve });
    }),
    network: lazyNetwork(platform, env, resolve, runTool),
    bootId,
    which: (program) => which(program, env, platform),
    run,
    runDirectory: async (key) => {
      const module = await import("./run-directory.js");
      const uid = process.geteuid?.() ?? -1;
      // Not tmpdir(): TMPDIR differs between sessions of one user, and macOS' own is 49 bytes long.
      const temporaryDirectory = platform === "win32" ? tmpdir() : "/tmp";
      return module.runDirectory(key, { platform, env, uid, temporaryDirectory });
    },
    now: () => Date.now(),
    delay,
    cache: bootCache(join(mkHome, "cache", "host"), files, bootId),
  };
}

/** In a container the limit of its cgroup counts. 0 or a huge number means that there is none. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function lazyNetwork(
  platform: NodeJS.Platform,
  env: Host["env"],
  resolve: (file: string) => Promise<string>,
  runTool: RunTool,
): Network {
  let leases: Promise<PortLeases> | undefined;
  return {
    async connect(target, signal) {
      if (!("argv" in target)) return (await import("./connect.js")).connect(target, signal, platform);
      const [file, ...args] = target.argv;
      const [path, module] = await Promise.all([resolve(file), import("./connect-program.js")]);
      return module.connectProgram(path, args, signal, { platform, env });
    },
    leasePort: async (options) => {
      leases ??= import("./port-lease.js").then((module) => new module.PortLeases());
      return (await leases).lease(options);
    },
    usedSubnets: async () => (await import("./subnets.js")).usedSubnets(platform, runTool),
    interfaceSubnets: async () => (await import("./subnets.js")).interfaceSubnets(),
  };
}
