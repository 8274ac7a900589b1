import type { Address, ConnectionHandler } from "./network.js";
import type { ScriptedHost } from "./scripted-host.js";

/**
 * A program written as a function, plain or async. Its exit code is the number it returns, 0 for anything else. What it
 * throws is a fault of the script: printed to stderr, exit code 70.
 */
export type Program = (process: ScriptedProcess) => unknown;

/** What a scripted program sees of the world it runs in. */
export interface ScriptedProcess {
  readonly pid: number;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** All of standard input. */
  readonly input: string;
  readonly host: ScriptedHost;
  /** Aborts when the process is ended by a signal; programs that wait pass it on. */
  readonly signal: AbortSignal;
  print(text: string): void;
  complain(text: string): void;
  /** Catches a signal that would end the process. The handler may be async; it ends unheard when the process does. */
  on(signal: "SIGTERM" | "SIGINT", handler: () => unknown): void;
  /** Listens until the process ends. */
  listen(address: Address, accept: ConnectionHandler): void;
  /** Virtual time; rejects when the process is ended. */
  delay(ms: number): Promise<void>;
  /** Waits until the process is ended by a signal. */
  forever(): Promise<never>;
  /** Ends the process with this code, wherever its function is. */
  exit(code: number): void;
}
