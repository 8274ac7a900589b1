import { type ChildProcess, spawn } from "node:child_process";
import { MkError } from "@mk/core";
import { PLUGIN_DRIVER_NAME, PLUGIN_TOKEN } from "../protocol/methods.js";
import { LineSplitter } from "./line-splitter.js";

/** An executable that serves a docker-machine driver. */
export interface PluginProgram {
  /** The driver's name, which docker-machine's own binary needs to know which of its drivers to be. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
}

export interface PluginExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type PluginLine = (line: string, stream: "stdout" | "stderr") => void;

export interface PluginProcessOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** What the plugin prints besides its address, line by line. */
  readonly onLine?: PluginLine;
}

const ADDRESS_MS = 10_000;
const ADDRESS_BYTES = 256;
const TAIL_LINES = 20;
const TERM_MS = 2_000;
/** A killed process may stay for ever, in a system call that does not end. */
const KILL_MS = 1_000;

/**
 * A plugin's process, in a session of its own: Ctrl-C and a stopped mk do not reach it, and it is ended with all that it started. Both
 * pipes are drained to the end, whatever comes.
 */
export class PluginProcess {
  readonly program: PluginProgram;
  readonly exited: Promise<PluginExit>;
  readonly #child: ChildProcess;
  readonly #platform: NodeJS.Platform;
  readonly #tail: string[] = [];
  readonly #address: Promise<string>;
  #exit: PluginExit | undefined;

  private constructor(
    program: PluginProgram,
    child: ChildProcess,
    { platform, onLine = () => undefined }: PluginProcessOptions,
  ) {
    this.program = program;
    this.#child = child;
    this.#platform = platform;
    this.exited = new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => {
        this.#exit = { exitCode, signal };
        this.#signalGroup("SIGKILL");
        resolve(this.#exit);
      });
    });
    this.#address = this.#readAddress(onLine);
    // Whoever waits for the address gets the error; nobody has to.
    this.#address.catch(() => undefined);
    const errors = new LineSplitter((line) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
      onLine(line, "stderr");
    });
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk)).on("end", () => errors.end());
  }

  /** Starts the program. COMMAND_NOT_FOUND, PERMISSION_DENIED or DRIVER_FAILED when it cannot be run. */
  static start(program: PluginProgram, options: PluginProcessOptions): Promise<PluginProcess> {
    const child = spawn(program.path, [], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...options.env, [PLUGIN_TOKEN.name]: PLUGIN_TOKEN.value, [PLUGIN_DRIVER_NAME]: program.name },
    });
    return new Promise((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) => reject(startError(program, error)));
      child.once("spawn", () => resolve(new PluginProcess(program, child, options)));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasExited(): boolean {
    return this.#exit !== undefined;
  }

  /** The first line on stdout. PLUGIN_CRASHED when the program ends before, PROTOCOL_ERROR when it says something else or nothing. */
  async address(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    const givenUp = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      timer = setTimeout(() => {
        reject(new MkError("PROTOCOL_ERROR", `${this.#title} printed no address within ${ADDRESS_MS / 1000} s`));
      }, ADDRESS_MS);
    });
    try {
      return await Promise.race([this.#address, givenUp]);
    } finally {
      clearTimeout(timer);
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
    }
  }

  #readAddress(onLine: PluginLine): Promise<string> {
    return new Promise((resolve, reject) => {
      let isFirst = true;
      const lines = new LineSplitter((line) => {
        if (!isFirst) {
          onLine(line, "stdout");
          return;
        }
        isFirst = false;
        resolve(line.trim());
      });
      let before = 0;
      this.#child.stdout
        ?.on("data", (chunk: Buffer) => {
          lines.push(chunk);
          before += chunk.length;
          if (isFirst && before > ADDRESS_BYTES) {
            reject(new MkError("PROTOCOL_ERROR", `${this.#title} printed ${before} bytes and no address`));
          }
        })
        .on("end", () => {
          lines.end();
          if (isFirst) void this.crash("before it printed its address").then(reject);
        });
    });
  }

  get #title(): string {
    return `the plugin of driver ${this.program.name}`;
  }

  /** Why a plugin is gone, told with its exit code and the end of its stderr. Waits a moment for the exit. */
  async crash(when: string, cause?: unknown): Promise<MkError> {
    const exit = await Promise.race([
      this.exited,
      new Promise<undefined>((resolve) => setTimeout(resolve, 500, undefined).unref()),
    ]);
    const how =
      exit === undefined
        ? "closed its connection"
        : exit.signal === null
          ? `ended with exit code ${exit.exitCode}`
          : `was ended by ${exit.signal}`;
    const tail = this.#tail.join("\n").trim();
    return new MkError("PLUGIN_CRASHED", `${this.#title} ${how} ${when}${tail === "" ? "" : `: ${lastLine(tail)}`}`, {
      hint: `Run \`${this.program.path} version\` to see whether the program works here.`,
      details: { path: this.program.path, ...exit, stderr: tail },
      cause,
    });
  }

  /** Ends the process and its group: TERM, and KILL for what is left after two seconds. Resolves when it is gone, or a second after KILL. */
  async end(graceMs = TERM_MS): Promise<void> {
    if (this.hasExited) return;
    this.#signalGroup("SIGTERM");
    // A stopped process acts on no other signal.
    this.#signalGroup("SIGCONT");
    if (await this.goesWithin(graceMs)) return;
    this.#signalGroup("SIGKILL");
    await this.goesWithin(KILL_MS);
  }

  /** Resolves to whether the process went by itself in this time. */
  async goesWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    const gone = await Promise.race([this.exited.then(() => true as const), late]);
    clearTimeout(timer);
    return gone;
  }

  // The group's number cannot be another's while we are the parent: at exit this runs before the pid can be given again.
  #signalGroup(signal: NodeJS.Signals): void {
    try {
      // Windows has no process groups.
      if (this.#platform === "win32") this.#child.kill(signal);
      else process.kill(-this.pid, signal);
    } catch {
      // Nothing is left of the group, or it is a signal that Windows does not know.
    }
  }
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1).slice(0, 500);
}

function startError(program: PluginProgram, cause: NodeJS.ErrnoException): MkError {
  if (cause.code === "ENOENT") {
    return new MkError("COMMAND_NOT_FOUND", `the plugin ${program.path} of driver ${program.name} does not exist`, {
      hint: `Install docker-machine-driver-${program.name} into a directory of PATH.`,
      cause,
    });
  }
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    return new MkError("PERMISSION_DENIED", `the plugin ${program.path} may not be run`, {
      hint: `Make it executable with \`chmod +x ${program.path}\`.`,
      cause,
    });
  }
  return new MkError("DRIVER_FAILED", `the plugin ${program.path} cannot be started: ${cause.message}`, { cause });
}
