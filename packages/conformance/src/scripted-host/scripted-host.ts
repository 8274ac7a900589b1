import { dirname, join } from "node:path/posix";
import { type CommandResult, type Host, type HostUser, MkError, type RunOptions } from "@mk/core";
import { VirtualClock } from "./clock.js";
import { ScriptedFiles } from "./files.js";
import { ScriptedNetwork } from "./network.js";
import { ScriptedProcesses } from "./processes.js";
import type { Program } from "./program.js";

/** What computer the scripted host is. */
export interface ScriptedHostOptions {
  /** Default `linux`. Paths are POSIX on all platforms. */
  readonly platform?: NodeJS.Platform;
  /** Default `x64`. */
  readonly arch?: NodeJS.Architecture;
  /** Default 8. */
  readonly cpus?: number;
  /** Default 16384. */
  readonly memoryMiB?: number;
  /** Default uid and gid 1000, name `user`, home `/home/user`. */
  readonly user?: Partial<HostUser>;
  readonly homeDirectory?: string;
  /** Default `PATH=/usr/local/bin:/usr/bin:/bin` and `HOME`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Programs by absolute path, or by name: those are in `/usr/bin`. */
  readonly programs?: Readonly<Record<string, Program>>;
  /** Files by absolute path; their parents are made. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Daemons of the host itself, such as a container engine: started now and after each {@link ScriptedHost.reboot}. */
  readonly services?: Readonly<Record<string, Program>>;
  /** What {@link Network.usedSubnets} answers. Default `["127.0.0.0/8", "192.168.1.0/24"]`. */
  readonly usedSubnets?: readonly string[];
  /** What {@link Network.interfaceSubnets} answers beside the loopback network. Default none. */
  readonly interfaceSubnets?: readonly string[];
  /** Milliseconds since the epoch at the start. Default 2026-01-01. */
  readonly now?: number;
  /** What else a machine can leave behind, for example the volumes of a scripted engine. */
  readonly inventory?: () => readonly string[];
}

/**
 * A whole computer in memory, for drivers under test: files, processes whose programs are functions, sockets, ports and a
 * clock whose waits cost nothing. Nothing outside of it is read or changed.
 */
export class ScriptedHost implements Host, AsyncDisposable {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly user: HostUser;
  readonly homeDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: ScriptedFiles;
  readonly processes: ScriptedProcesses;
  readonly network: ScriptedNetwork;
  readonly #clock: VirtualClock;
  readonly #programs: Map<string, Program>;
  readonly #options: ScriptedHostOptions;
  readonly #cached = new Map<string, string>();
  #boots = 1;

  constructor(options: ScriptedHostOptions = {}) {
    this.#options = options;
    this.platform = options.platform ?? "linux";
    this.arch = options.arch ?? "x64";
    this.cpus = options.cpus ?? 8;
    this.memoryMiB = options.memoryMiB ?? 16_384;
    this.user = { uid: 1000, gid: 1000, name: "user", groups: [1000], ...options.user };
    this.homeDirectory = options.homeDirectory ?? "/home/user";
    this.env = options.env ?? { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: this.homeDirectory };
    this.#clock = new VirtualClock(options.now ?? Date.UTC(2026, 0, 1));
    this.files = new ScriptedFiles(() => this.#clock.now(), this.user);
    this.network = new ScriptedNetwork(this.files, options);
    this.processes = new ScriptedProcesses(this, (file) => this.#program(file));
    this.#programs = new Map(
      Object.entries({ ...options.programs, ...options.services }).map(([name, program]) => [pathOf(name), program]),
    );
    for (const directory of [this.homeDirectory, "/tmp", "/run"]) this.files.place(join(directory, ".keep"), "");
    for (const path of this.#programs.keys()) this.files.place(path, "", 0o755);
    for (const [path, contents] of Object.entries(options.files ?? {})) this.files.place(path, contents);
    this.#startServices();
  }

  get currentBootId(): string {
    return `boot-${this.#boots}`;
  }

  /** A power cut and the boot after it: no process survives, `/run` is empty, what was cached until now is forgotten. */
  async reboot(): Promise<void> {
    this.processes.endAll();
    this.#boots += 1;
    this.#cached.clear();
    for (const name of await this.files.list("/run")) await this.files.remove(join("/run", name));
    this.#startServices();
  }

  /**
   * What exists on this host, one line each, in a stable order. Empty directories below `/run` are not counted: the host
   * makes them, not the driver.
   */
  inventory(): readonly string[] {
    const entries = [...this.files.entries()].filter(
      ([path, what]) => what !== "directory" || !path.startsWith("/run"),
    );
    return [
      ...entries.map(([path, what]) => `${what} ${path}`),
      ...this.processes.list().map(({ identity }) => `process ${identity.pid} ${identity.executable}`),
      ...this.network.open(),
      ...(this.#options.inventory?.() ?? []),
    ].sort();
  }

  async bootId(): Promise<string> {
    return this.currentBootId;
  }

  async which(program: string): Promise<string | undefined> {
    if (program.includes("/")) return program.startsWith("/") ? this.#executable(program) : undefined;
    for (const directory of (this.env.PATH ?? "").split(":")) {
      if (!directory.startsWith("/")) continue;
      const found = await this.#executable(join(directory, program));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async run(file: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const { signal, input = "", allowFailure = false, maxBytes = 16 * 1024 * 1024 } = options;
    signal?.throwIfAborted();
    const process = await this.processes.start(file, args, {
      input: typeof input === "string" ? input : Buffer.from(input).toString(),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: options.env }),
    });
    const abort = () => process.end({ exitCode: null, signal: "SIGTERM" });
    signal?.addEventListener("abort", abort, { once: true });
    const ending = await process.exited;
    signal?.removeEventListener("abort", abort);
    signal?.throwIfAborted();
    const exitCode = ending.exitCode ?? 128 + (SIGNALS[ending.signal ?? ""] ?? 0);
    const stdout = process.output.stdout.slice(0, maxBytes);
    const stderr = process.output.stderr.slice(0, maxBytes);
    if (exitCode !== 0 && !allowFailure) {
      throw new MkError("COMMAND_FAILED", `${file} ended with exit code ${exitCode}: ${stderr.trim().slice(-400)}`, {
        hint: `Run ${file} by hand to see why.`,
        details: { file, args, exitCode, stderr },
      });
    }
    return { stdout, stderr, exitCode };
  }

  async runDirectory(key: string): Promise<string> {
    const directory = `/run/mk-${key}`;
    await this.files.makeDirectory(directory);
    return directory;
  }

  now(): number {
    return this.#clock.now();
  }

  delay(ms: number, signal: AbortSignal): Promise<void> {
    return this.#clock.delay(ms, signal);
  }

  readonly cache = {
    read: async (key: string): Promise<unknown> => {
      const text = this.#cached.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    write: async (key: string, value: unknown): Promise<void> => void this.#cached.set(key, JSON.stringify(value)),
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.processes.endAll();
  }

  #startServices(): void {
    for (const name of Object.keys(this.#options.services ?? {})) void this.processes.start(pathOf(name), []);
  }

  async #executable(path: string): Promise<string | undefined> {
    const real = await this.files.realpath(path);
    if (real === undefined) return undefined;
    const stat = await this.files.stat(real);
    return stat?.kind === "file" && (stat.mode & 0o111) !== 0 ? path : undefined;
  }

  async #program(file: string): Promise<readonly [path: string, program: Program]> {
    const path = await this.which(file);
    const real = path === undefined ? undefined : await this.files.realpath(path);
    const program = real === undefined ? undefined : this.#programs.get(real);
    if (real === undefined || program === undefined) {
      throw new MkError("COMMAND_NOT_FOUND", `${file} is not installed`, { hint: `Install ${file}.` });
    }
    return [real, program];
  }
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Makes a {@link ScriptedHost}. */
export function scriptedHost(options: ScriptedHostOptions = {}): ScriptedHost {
  return new ScriptedHost(options);
}

function pathOf(name: string): string {
  return dirname(name) === "." ? `/usr/bin/${name}` : name;
}
