import type { Duplex, Readable, Writable } from "node:stream";
import type { ForwardTarget } from "./transport.js";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly terminal?: (TerminalSize & { readonly term: string }) | undefined;
  readonly signal: AbortSignal;
}

/** A program that runs in the machine. Both outputs must be read to their ends. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the program has ended and all its output has arrived; rejects when the connection breaks first. */
  readonly exitCode: Promise<number>;
  resize(size: TerminalSize): void;
  /** Asks the program to end, and lets go of it. */
  kill(): void;
}

/** The part of a transport that differs by what carries it: starting programs and opening connections. */
export interface Carrier {
  /** Whether the last connection broke or could not be made. The next would be to the same place, where the machine may not be any more. */
  readonly isLost: boolean;
  connect(signal: AbortSignal): Promise<void>;
  /** `shell`: the user's login shell. */
  start(command: readonly string[] | "shell", options: StartOptions): Promise<RemoteProcess>;
  dial(target: ForwardTarget, signal: AbortSignal): Promise<Duplex>;
  close(): Promise<void>;
}
