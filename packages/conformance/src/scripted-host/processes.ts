import type { DaemonOptions, HostProcess, Processes, ProcessIdentity } from "@mk/core";
import type { Address, ConnectionHandler } from "./network.js";
import type { Program, ScriptedProcess } from "./program.js";
import type { ScriptedHost } from "./scripted-host.js";

export interface Ending {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A process of the scripted host, from start to end. */
export interface Running {
  /** Changes when the process executes another program. */
  identity: ProcessIdentity;
  readonly args: readonly string[];
  readonly exited: Promise<Ending>;
  readonly output: { stdout: string; stderr: string };
  /** Whether SIGSTOP came last. */
  suspended: boolean;
  end(ending: Ending): void;
  deliver(signal: "SIGTERM" | "SIGINT"): void;
}

const SHELL = "/usr/bin/dash";

interface Start extends Omit<DaemonOptions, "inherit"> {
  readonly input?: string;
}

/** The process table of a scripted host. Pids count upwards; start times are the table's own counter, so none repeats. */
export class ScriptedProcesses implements Processes {
  readonly #host: ScriptedHost;
  readonly #program: (file: string) => Promise<readonly [path: string, program: Program]>;
  readonly #running = new Map<number, Running>();
  /** Whether programs are installed as shell scripts that execute the real ones, as some distributions do. */
  wrapped = false;
  #nextPid = 1000;
  #starts = 0;

  constructor(host: ScriptedHost, program: (file: string) => Promise<readonly [path: string, program: Program]>) {
    this.#host = host;
    this.#program = program;
  }

  /** Every live process. */
  list(): readonly Running[] {
    return [...this.#running.values()];
  }

  /** Ends them all, as a power cut does. */
  endAll(): void {
    for (const process of this.list()) process.end({ exitCode: null, signal: "SIGKILL" });
  }

  /** A foreign process that got the pid of one that is gone. */
  reuse(pid: number): ProcessIdentity {
    if (this.#running.has(pid)) throw new TypeError(`pid ${pid} still lives`);
    return this.#add(pid, "/usr/bin/foreign", [], async (process) => process.forever(), {}).identity;
  }

  async start(file: string, args: readonly string[], options: Start = {}): Promise<Running> {
    const [path, program] = await this.#program(file);
    return this.#add(this.#nextPid++, path, args, program, options);
  }

  async spawnDaemon(file: string, args: readonly string[], options: DaemonOptions = {}): Promise<HostProcess> {
    const { identity, exited } = await this.start(file, args, options);
    return { identity, exited, unref: () => {} };
  }

  async identify(pid: number): Promise<ProcessIdentity | undefined> {
    return this.#running.get(pid)?.identity;
  }

  async isAlive(identity: ProcessIdentity): Promise<boolean> {
    return this.#find(identity) !== undefined;
  }

  async signal(identity: ProcessIdentity, signal: Parameters<Processes["signal"]>[1]): Promise<boolean> {
    const process = this.#find(identity);
    if (process === undefined) return false;
    switch (signal) {
      case "SIGKILL":
        process.end({ exitCode: null, signal });
        break;
      case "SIGTERM":
      case "SIGINT":
        process.deliver(signal);
        break;
      case "SIGSTOP":
      case "SIGCONT":
        process.suspended = signal === "SIGSTOP";
        break;
      default:
        signal satisfies never;
    }
    return true;
  }

  async waitGone(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const process = this.#find(identity);
    if (process === undefined) return;
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      void process.exited.then(() => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
  }

  #find(identity: ProcessIdentity): Running | undefined {
    const process = this.#running.get(identity.pid);
    const agrees = (["bootId", "startTime", "executable"] as const).every(
      (key) => process?.identity[key] === identity[key],
    );
    return agrees ? process : undefined;
  }

  #add(pid: number, file: string, args: readonly string[], program: Program, options: Start): Running {
    const ended = new AbortController();
    const closers: (() => void)[] = [];
    const handlers = new Map<string, () => void>();
    const output = { stdout: "", stderr: "" };
    const { promise: exited, resolve } = deferred<Ending>();
    const host = this.#host;
    const identity: ProcessIdentity = {
      pid,
      bootId: host.currentBootId,
      startTime: String(++this.#starts),
      executable: this.wrapped ? SHELL : file,
    };
    const end = (ending: Ending) => {
      if (this.#running.get(pid) !== running) return;
      this.#running.delete(pid);
      for (const close of closers) close();
      ended.abort(new Error(`process ${pid} ended`));
      resolve(ending);
    };
    const running: Running = {
      identity,
      args,
      exited,
      output,
      suspended: false,
      end,
      deliver: (signal) => (handlers.get(signal) ?? (() => end({ exitCode: null, signal })))(),
    };
    const write = (stream: keyof typeof output, text: string) => {
      if (ended.signal.aborted) return;
      output[stream] += text;
      if (options.logFile !== undefined) host.files.append(options.logFile, text);
    };
    const self: ScriptedProcess = {
      pid,
      file,
      args,
      env: options.env ?? host.env,
      cwd: options.cwd ?? "/",
      input: options.input ?? "",
      host,
      signal: ended.signal,
      print: (text) => write("stdout", text),
      complain: (text) => write("stderr", text),
      on: (signal, handler) => void handlers.set(signal, () => void runProgram(handler, self)),
      listen: (address: Address, accept: ConnectionHandler) => void closers.push(host.network.listen(address, accept)),
      delay: (ms) => host.delay(ms, ended.signal),
      forever: () =>
        new Promise((_, reject) => {
          ended.signal.addEventListener("abort", () => reject(ended.signal.reason), { once: true });
        }),
      exit: (exitCode) => end({ exitCode, signal: null }),
    };
    this.#running.set(pid, running);
    // Never in the turn of its start: the caller gets the process before its program says anything.
    setImmediate(() => {
      if (ended.signal.aborted) return;
      running.identity = { ...identity, executable: file };
      void runProgram(program, self).then((exitCode) => end({ exitCode, signal: null }));
    });
    return running;
  }
}

async function runProgram(program: Program, self: ScriptedProcess): Promise<number> {
  try {
    const exitCode = await program(self);
    return typeof exitCode === "number" ? exitCode : 0;
  } catch (error) {
    if (!self.signal.aborted) self.complain(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 70;
  }
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  return { promise: new Promise<T>((settle) => (resolve = settle)), resolve: (value) => resolve(value) };
}
