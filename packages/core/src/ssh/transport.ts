import type { Duplex, Readable, Writable } from "node:stream";
import type { ExecOptions, ExecResult, Forward } from "../api.js";

/** As for a machine; the deadline is the signal's. */
export interface TransportExecOptions extends Omit<ExecOptions, "timeoutMs"> {}

/** A port or a unix socket on the host. Port 0 or none: any free one. */
export type ForwardSource = { readonly port?: number; readonly host?: string } | { readonly path: string };
/** A port, as the guest sees it, or a unix socket in the guest. */
export type ForwardTarget = { readonly host?: string; readonly port: number } | { readonly path: string };

/** A shell's terminal. */
export interface ShellOptions {
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** Value of TERM. Default `xterm-256color`. */
  readonly term?: string;
  readonly signal?: AbortSignal;
}

/**
 * A way into a running machine, the same over SSH and over a program such as `docker exec`. One connection, made at the first use, again
 * after it broke. NETWORK_FAILED, SSH_FAILED, HOST_KEY_CHANGED, TIMED_OUT (with `details.phase`) when it cannot be made.
 */
export interface Transport extends AsyncDisposable {
  /** Whether the last connection broke or could not be made. The next would be to the same place, where the machine may not be any more. */
  readonly isLost: boolean;
  /** Makes the connection, if there is none. */
  connect(signal: AbortSignal): Promise<void>;
  /** Runs a program: arguments arrive as given. COMMAND_FAILED with `check`. */
  exec(argv: readonly string[], options?: TransportExecOptions): Promise<ExecResult>;
  /** Runs a script by `sh`: whole, or not at all when the connection breaks while it is sent. Its standard input is empty. */
  script(text: string, options?: Omit<TransportExecOptions, "input">): Promise<ExecResult>;
  /** A login shell on these streams until it ends; answers its exit code. */
  shell(options: ShellOptions): Promise<number>;
  /**
   * Copies a file or a tree as `cp -r` does: into `target` when that is a directory, else to that name; `<directory>/.` stands for its
   * contents. A target that ends with a slash is a directory to copy into, made if need be. Modes, symlinks and the times of files are
   * kept, owners are not. INVALID_ARGUMENT for a tree with names that are not UTF-8.
   */
  copyTo(source: string, target: string, signal?: AbortSignal): Promise<void>;
  /**
   * The same, from the machine. PROTOCOL_ERROR for an archive that would write outside of `target`, or has names that are not UTF-8; nothing
   * of that is written.
   */
  copyFrom(source: string, target: string, signal?: AbortSignal): Promise<void>;
  /** Opens a connection from within the guest. */
  dial(target: ForwardTarget, signal?: AbortSignal): Promise<Duplex>;
  /** Listens on the host and dials the target for each connection, until disposed. PORT_IN_USE, PATH_TOO_LONG. */
  forward(from: ForwardSource, to: ForwardTarget, signal?: AbortSignal): Promise<Forward>;
}
