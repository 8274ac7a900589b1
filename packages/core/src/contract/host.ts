import type { Duplex } from "node:stream";

/** How a program is run to its end. */
export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Text for standard input; without it standard input is at its end. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Replaces the environment. Default: the host's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Resolve with the exit code instead of throwing COMMAND_FAILED. */
  readonly allowFailure?: boolean;
  /** Output kept of each stream, bytes; the rest is drained and dropped. Default 16 MiB. */
  readonly maxBytes?: number;
}

/** What a program that ended wrote, as UTF-8, and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + n when ended by signal n. */
  readonly exitCode: number;
}

/** What makes a process ours: all four must agree, a bare pid proves nothing (pids are reused). Plain JSON. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque boot id; another value means that every process of then is gone. */
  readonly bootId: string;
  /** Opaque start time as the kernel has it. */
  readonly startTime: string;
  /** Resolved path of the executable. */
  readonly executable: string;
}

/** How a program is started that outlives this mk process. */
export interface DaemonOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** File that gets stdout and stderr, appended. Default: dropped. */
  readonly logFile?: string;
  /** File descriptors handed to the child as 3, 4, …: numbers open in this process. */
  readonly inherit?: readonly number[];
}

/** A process that this mk started and that lives on without it. */
export interface HostProcess {
  readonly identity: ProcessIdentity;
  /** Settles when the process ends: by event while this mk process is its parent. */
  readonly exited: Promise<{ readonly exitCode: number | null; readonly signal: string | null }>;
  /** Lets mk end while the process lives on. */
  unref(): void;
}

/** A driver's door to processes. Each is named by its identity, so that no foreign one is ever signalled. */
export interface Processes {
  /** Starts a program in a session of its own (setsid), so that the terminal's Ctrl-C never reaches it. */
  spawnDaemon(file: string, args: readonly string[], options?: DaemonOptions): Promise<HostProcess>;
  /** The identity of a live process, or undefined when there is none or it is a zombie. */
  identify(pid: number): Promise<ProcessIdentity | undefined>;
  /** True only if exactly this process lives. */
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** Signals exactly this process; false when it is gone. Never signals another. */
  signal(identity: ProcessIdentity, signal: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGCONT" | "SIGSTOP"): Promise<boolean>;
  /** Resolves when the process is gone. */
  waitGone(identity: ProcessIdentity, signal: AbortSignal): Promise<void>;
}

/** What is known of a file without reading it. */
export interface FileStat {
  readonly kind: "file" | "directory" | "symlink" | "socket" | "other";
  readonly size: number;
  /** Bytes really used on disk, where known. */
  readonly allocated: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
}

/** Files as a driver may touch them. Errors are MkErrors (NO_SPACE, PERMISSION_DENIED, IO_FAILED) that name the path. */
export interface Files {
  /** Undefined when there is no such file; IO_FAILED when it is larger than `maxBytes` (default 16 MiB). */
  readText(path: string, options?: { readonly maxBytes?: number }): Promise<string | undefined>;
  /** Up to `length` bytes from `offset`; undefined when there is no such file. */
  readBytes(
    path: string,
    options?: { readonly offset?: number; readonly length?: number },
  ): Promise<Uint8Array | undefined>;
  /** Atomic: tmp, fsync, rename, fsync of the directory. Mode 0600 unless given. */
  write(path: string, contents: string | Uint8Array, options?: { readonly mode?: number }): Promise<void>;
  /** Writes a part of an existing file in place, for disks. */
  patch(path: string, offset: number, contents: Uint8Array): Promise<void>;
  /** Makes a sparse file of this size, or grows one; never shrinks. */
  allocate(path: string, bytes: number): Promise<void>;
  /** Copies a file, atomically and with its holes. Mode 0600, whatever the source's. */
  copy(from: string, to: string): Promise<void>;
  /** Concatenates files (by path) and byte arrays into one, atomically. Mode 0600. */
  concat(to: string, parts: readonly (string | Uint8Array)[]): Promise<void>;
  /** Creates it and its parents with mode 0700 unless given. */
  makeDirectory(path: string, options?: { readonly mode?: number }): Promise<void>;
  /** Names in a directory, sorted; none when it is absent. */
  list(path: string): Promise<readonly string[]>;
  /** Does not follow a symlink. Undefined when absent. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Undefined when absent. */
  realpath(path: string): Promise<string | undefined>;
  chmod(path: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a tree, never following symlinks. Absent is fine. */
  remove(path: string): Promise<void>;
  /**
   * The bytes of a growing file from `offset` (default 0), then what is appended, by file events where there are any, until the signal
   * aborts (the iteration then ends). The file need not exist yet.
   */
  follow(path: string, options: { readonly offset?: number; readonly signal: AbortSignal }): AsyncIterable<Uint8Array>;
  /** Free bytes for this user on the file system that holds `path`. */
  freeBytes(path: string): Promise<number>;
}

/** A port that is bound by mk until it is handed over to the program that will listen on it. */
export interface PortLease {
  readonly host: string;
  readonly port: number;
  /** Frees the port for the program that is started next. */
  release(): Promise<void>;
}

/** A TCP port, a unix socket, or a program that carries the connection on its standard input and output, as `ssh` does. */
export type ConnectTarget =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }
  | { readonly argv: readonly [file: string, ...args: string[]] };

/** A driver's door to the network. */
export interface Network {
  /**
   * Opens a connection; TCP is without Nagle's delay. NETWORK_FAILED or PERMISSION_DENIED when it cannot, COMMAND_NOT_FOUND for a program
   * that is not installed. A program that fails ends its connection with COMMAND_FAILED; it has no terminal to ask anything on, and is
   * ended with its connection.
   */
  connect(target: ConnectTarget, signal: AbortSignal): Promise<Duplex>;
  /** Binds a loopback port and holds it: `preferred` when it is free, else any. No two mk processes get the same. */
  leasePort(options?: {
    readonly host?: string;
    readonly preferred?: number;
    readonly exact?: boolean;
  }): Promise<PortLease>;
  /** Addresses of the host's interfaces and the routes it has, as CIDR: what a new subnet must not overlap. */
  usedSubnets(): Promise<readonly string[]>;
  /** Those of them in which the host has an address: the others are routes only. */
  interfaceSubnets(): Promise<readonly string[]>;
}

/** Who runs mk. Numbers are -1 where the system has none. */
export interface HostUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly groups: readonly number[];
}

/** The only door of a driver to the machine it runs on. Nothing in a driver reads `process`, `fs` or `child_process`. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly user: HostUser;
  readonly homeDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: Files;
  readonly processes: Processes;
  readonly network: Network;
  /** Changes with each boot of the host. */
  bootId(): Promise<string>;
  /** Absolute path of a program: absolute PATH entries only, never the current directory. */
  which(program: string): Promise<string | undefined>;
  /** Runs a program to its end: no shell. Abort sends TERM, then KILL. COMMAND_NOT_FOUND, COMMAND_FAILED (with stderr's tail). */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** A directory for sockets, short enough that `<dir>/<12 characters>` fits in a unix socket address; 0700, one per key. */
  runDirectory(key: string): Promise<string>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits; rejects with the signal's reason. */
  delay(ms: number, signal: AbortSignal): Promise<void>;
  /** A place for facts that are expensive to find, kept until the host reboots. Keys are short; values plain JSON. */
  readonly cache: { read(key: string): Promise<unknown>; write(key: string, value: unknown): Promise<void> };
}
