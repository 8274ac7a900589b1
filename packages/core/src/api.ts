import type { Readable, Writable } from "node:stream";
import type { Driver } from "./contract/driver.js";
import type { Host } from "./contract/host.js";
import type { GuestArch, GuestImage, MachineSpec, MountSpec, PortSpec } from "./contract/spec.js";
import type { DriverStatus, Endpoint, MachineAccess, MachineStatus } from "./contract/status.js";
import type { SerializedMkError } from "./errors.js";
import type { MkEvent, PhaseTiming } from "./events/event.js";
import type { DriverEntry, SkippedDriver } from "./registry/entry.js";

/** Where guest images come from; `@mk/guest` implements it. Core itself builds none. */
export interface ImageSource {
  /** The image of this digest, or undefined when it is not in the cache. */
  find(digest: string): Promise<GuestImage | undefined>;
  /** The newest image of the cache for this architecture; builds one when there is none. Reports steps through `step`. */
  ensure(arch: GuestArch, op: import("./contract/operation.js").Operation): Promise<GuestImage>;
}

/** What an instance of mk is made of. Drivers have to be given, by value or by discovery, and images for those that boot them; all else has a default. */
export interface MkOptions {
  /** mk's own directory. Default `$MK_HOME`, else `~/.mk`. */
  readonly home?: string;
  /** Drivers given as values, for embedding. */
  readonly drivers?: readonly Driver[];
  /** Drivers found by discovery, made by `discoverDrivers`. Called at most once, when a driver is first needed. */
  readonly discover?: () => Promise<{
    readonly found: readonly DriverEntry[];
    readonly skipped: readonly SkippedDriver[];
  }>;
  readonly images?: ImageSource;
  /** Default: this computer. */
  readonly host?: Host;
  /**
   * Hears every event of every operation of this instance. What it throws disturbs no operation: it is thrown again by itself, as an uncaught
   * exception of the program, as that of a listener of `EventTarget` or a subscriber of `diagnostics_channel` is.
   */
  readonly onEvent?: (event: MkEvent) => void;
  /** Aborts everything that this instance does. */
  readonly signal?: AbortSignal;
}

/** What every call that waits takes: it can be cancelled, and ends by a deadline. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /**
   * Milliseconds for the whole call. Without it each operation ends when it makes no progress for some minutes; with it, it may stand still
   * for as long, so that a slow machine can be waited for.
   */
  readonly timeoutMs?: number;
}

/** Settings of a machine. What is left out is the default at creation, and unchanged for an existing machine. */
export interface StartRequest extends CallOptions {
  /** Default "mk". */
  readonly name?: string;
  /** Name or alias. Default: the existing machine's, then MK_DRIVER and the user's config, then the best that works here. */
  readonly driver?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly diskMiB?: number;
  readonly arch?: GuestArch;
  readonly imageDigest?: string;
  readonly mounts?: readonly MountSpec[];
  readonly ports?: readonly PortSpec[];
  /** Options of the driver by their camelCase names, validated against its declaration. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** For an existing machine whose settings differ: apply what a restart can change (default "live": only what needs none). */
  readonly allow?: "live" | "restart" | "recreate";
  /**
   * What `await using` does at the end of the block. Default "keep": only connections are closed. When the start fails there is nothing to
   * dispose: a machine that was made and did not come up may stay, without power.
   */
  readonly onDispose?: "keep" | "stop" | "delete";
}

/** What a setting that differs from the existing machine's costs. */
export interface SettingChange {
  readonly setting: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly cost: "live" | "restart" | "recreate" | "data-loss";
}

/** One machine as a list shows it: what is stored of it and the state it was found in. */
export interface MachineInfo {
  readonly name: string;
  readonly id: string;
  readonly driver: string;
  readonly createdAt: string;
  readonly spec: MachineSpec;
  readonly status: MachineStatus;
  /** Set when its driver is not installed, its config is corrupt and the like: the machine is listed all the same. */
  readonly problem?: SerializedMkError;
}

/** Where the input of a command in the machine comes from and where its output goes: IO_FAILED when one of these streams breaks. */
export interface ExecOptions extends CallOptions {
  readonly input?: string | Uint8Array | Readable;
  /** Streams instead of collected output. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly env?: Readonly<Record<string, string>>;
  /** Allocates a terminal; for interactive use. Its input is never at its end: a program that reads waits for someone to type. */
  readonly tty?: boolean | { readonly columns: number; readonly rows: number };
  /** Throw COMMAND_FAILED for an exit code other than 0. Default false. */
  readonly check?: boolean;
}

/** Of each output the first 16 MiB; the rest is read and dropped. Give streams for more. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a docker client needs to speak to a machine's engine: DOCKER_HOST and DOCKER_CERT_PATH. */
export interface DockerEnvironment {
  readonly host: string;
  /** Directory with ca.pem, cert.pem and key.pem; absent where the endpoint needs no TLS. */
  readonly certPath?: string;
}

/** One machine, by name; what it does is checked against the real state each time. */
export interface MachineHandle extends AsyncDisposable {
  readonly name: string;
  info(options?: CallOptions): Promise<MachineInfo>;
  status(options?: CallOptions): Promise<MachineStatus>;
  start(options?: Omit<StartRequest, "name" | "onDispose">): Promise<void>;
  stop(options?: CallOptions & { readonly force?: boolean }): Promise<void>;
  restart(options?: CallOptions): Promise<void>;
  delete(
    options?: CallOptions & {
      /** Drop mk's own files even when the driver is not installed. */ readonly forget?: boolean;
    },
  ): Promise<void>;
  pause(options?: CallOptions): Promise<void>;
  resume(options?: CallOptions): Promise<void>;
  /** Runs a program in the machine: argv, no shell; arguments arrive as given. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a script by the guest's `sh`, given on standard input. */
  script(text: string, options?: ExecOptions): Promise<ExecResult>;
  /** Copies a file or a directory tree, into `target` when that is a directory or ends with a slash; modes and the times of files are kept. */
  copyTo(source: string, target: string, options?: CallOptions): Promise<void>;
  copyFrom(source: string, target: string, options?: CallOptions): Promise<void>;
  /** Where the host reaches a TCP port of the machine. */
  endpoint(guestPort: number, options?: CallOptions): Promise<Endpoint>;
  access(options?: CallOptions): Promise<MachineAccess>;
  address(options?: CallOptions): Promise<string>;
  /** Forwards a host port or unix socket to a guest port or unix socket over SSH until disposed. */
  forward(
    from: { readonly port?: number; readonly host?: string } | { readonly path: string },
    to: { readonly host?: string; readonly port: number } | { readonly path: string },
    options?: CallOptions,
  ): Promise<Forward>;
  docker(options?: CallOptions): Promise<DockerEnvironment>;
  /** The console: bytes of the last start, then live if `follow` until it is aborted, which is thrown. `onCaughtUp` is called once, when what there was has been read. */
  console(
    options?: CallOptions & { readonly follow?: boolean; readonly onCaughtUp?: () => void },
  ): AsyncIterable<Uint8Array>;
  /**
   * Events of this machine's operations in this process, replayed from the first; ends when the handle is disposed, and when mk was aborted
   * and has rolled back what it did.
   */
  events(): AsyncIterable<MkEvent>;
  /** Phases of the last start through this handle. */
  readonly timings: readonly PhaseTiming[];
}

/** A port or socket of the host that leads into the machine until it is disposed. */
export interface Forward extends AsyncDisposable {
  readonly local: { readonly host: string; readonly port: number } | { readonly path: string };
}

/** One driver and whether it can work on this host. */
export interface DriverReport {
  readonly name: string;
  readonly origin: string;
  readonly builtin: boolean;
  readonly status: DriverStatus;
}

/** One instance of mk: the machines of one home, and the drivers it knows. Disposing it aborts what runs. */
export interface Mk extends AsyncDisposable {
  readonly home: string;
  start(request?: StartRequest): Promise<MachineHandle>;
  /** A handle; MACHINE_ABSENT when there is none of that name. */
  machine(name: string): Promise<MachineHandle>;
  /** All machines, broken ones too; each machine's state is read with a deadline of its own. */
  list(options?: CallOptions): Promise<readonly MachineInfo[]>;
  drivers(): Promise<{ readonly found: readonly DriverEntry[]; readonly skipped: readonly SkippedDriver[] }>;
  /** Loads a driver by name or alias. DRIVER_UNKNOWN with a suggestion, DRIVER_MISSING, DRIVER_UNSUPPORTED. */
  driver(name: string, options?: CallOptions): Promise<Driver>;
  /** Probes all drivers at once. */
  probe(options?: CallOptions): Promise<readonly DriverReport[]>;
  /** What `start` would have to do to an existing machine: empty when it is as asked. */
  plan(request: StartRequest): Promise<readonly SettingChange[]>;
  /** Events of all operations in this process, replayed from the first; ends when mk is disposed, or aborted and has rolled back. */
  events(): AsyncIterable<MkEvent>;
}
