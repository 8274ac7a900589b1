import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import { raceAbort } from "../abort/race-abort.js";
import type { Host } from "../contract/host.js";
import { MkError } from "../errors.js";
import { exitStatus } from "../host/exit-status.js";
import { killGroup } from "../host/kill-group.js";
import { commandNotFound, spawnError } from "../host/spawn-error.js";
import type { Carrier, RemoteProcess, StartOptions } from "./carrier.js";
import { processConnection } from "./process-connection.js";
import { variableName } from "./quote-for-shell.js";
import type { ForwardTarget } from "./transport.js";

/** What a program may take to end by itself before it gets KILL. */
const TERM_GRACE_MS = 2_000;

/** Carries a transport by a program of the host that runs argv in the machine, such as `docker exec -i <container>`. */
export class ExecCarrier implements Carrier {
  readonly #host: Host;
  readonly #prefix: readonly string[];
  readonly #children = new Set<ChildProcess>();
  readonly #closing = new AbortController();
  isLost = false;

  /** `prefix`: what the machine's own argv is appended to. It must pass standard input on. */
  constructor(host: Host, prefix: readonly string[]) {
    if (prefix.length === 0) throw new TypeError("argv is empty");
    this.#host = host;
    this.#prefix = prefix;
  }

  async connect(signal: AbortSignal): Promise<void> {
    const process = await this.start(["true"], { signal });
    process.stdout.resume();
    process.stderr.resume();
    process.stdin.end();
    const code = await raceAbort(process.exitCode, signal).catch((error: unknown) => {
      process.kill();
      throw error;
    });
    this.isLost = code !== 0;
    if (this.isLost) throw new MkError("NETWORK_FAILED", `${this.#prefix[0]} cannot run programs in the machine`);
  }

  async start(command: readonly string[] | "shell", { env, terminal, signal }: StartOptions): Promise<RemoteProcess> {
    if (terminal !== undefined) {
      throw new MkError("NOT_SUPPORTED", `${this.#prefix[0]} gives no terminal to a program`, {
        hint: "Run the command without a terminal.",
      });
    }
    const [name = "", ...args] = [...this.#prefix, ...withEnvironment(command === "shell" ? ["sh"] : command, env)];
    const [path, { spawn }] = await Promise.all([this.#host.which(name), import("node:child_process")]);
    if (path === undefined) throw commandNotFound(name);
    signal.throwIfAborted();
    const closing = this.#closing.signal;
    closing.throwIfAborted();
    const { platform } = this.#host;
    const child = spawn(path, args, {
      stdio: "pipe",
      env: { ...this.#host.env },
      detached: platform !== "win32",
      windowsHide: true,
    });
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    const exitCode = new Promise<number>((resolve, reject) => {
      child.once("error", (error) => child.pid === undefined && reject(spawnError(error, name, undefined)));
      child.once("close", (code, signalName) => {
        // By which it was killed: that is no exit code of the program's own.
        if (closing.aborted) reject(closing.reason);
        else resolve(exitStatus(code, signalName));
      });
    });
    // Who was aborted does not wait for the end any more.
    exitCode.catch(() => undefined);
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exitCode,
      resize: () => undefined,
      kill: () => letGo(child, "SIGTERM", platform),
    };
  }

  async dial(target: ForwardTarget, signal: AbortSignal): Promise<Duplex> {
    // busybox' netcat, and every other, takes a host and a port; they do not agree on how to name a unix socket.
    if ("path" in target) {
      throw new MkError("NOT_SUPPORTED", `the unix socket ${target.path} cannot be reached through ${this.#prefix[0]}`);
    }
    const process = await this.start(["nc", target.host ?? "127.0.0.1", String(target.port)], { signal });
    return processConnection(process);
  }

  async close(): Promise<void> {
    this.#closing.abort(new MkError("CANCELLED", "the connection to the machine was closed"));
    const { platform } = this.#host;
    const ended = [...this.#children].map(
      (child) => new Promise<void>((resolve) => child.once("close", () => resolve())),
    );
    for (const child of this.#children) letGo(child, "SIGKILL", platform);
    await Promise.all(ended);
  }
}

/**
 * Ends a program and lets go of it, whether it heeds the signal or not. Its pipes may be held open by a daemon that it started, outside of its
 * group: they are closed with it, since they would keep mk from ending.
 */
function letGo(child: ChildProcess, signal: NodeJS.Signals, platform: NodeJS.Platform): void {
  const closePipes = (): void => {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
  };
  if (child.exitCode !== null || child.signalCode !== null) {
    closePipes();
    return;
  }
  const timer = setTimeout(() => killGroup(child, "SIGKILL", platform), TERM_GRACE_MS);
  child.once("exit", () => {
    clearTimeout(timer);
    closePipes();
  });
  killGroup(child, signal, platform);
}

function withEnvironment(argv: readonly string[], env: Readonly<Record<string, string>> = {}): readonly string[] {
  const [program] = argv;
  if (program === undefined) throw new TypeError("argv is empty");
  const pairs = Object.entries(env).map(([name, value]) => `${variableName(name)}=${value}`);
  if (pairs.length === 0) return argv;
  // env(1) would take the program for one more variable.
  if (program.includes("=")) throw new MkError("INVALID_ARGUMENT", `the program's name ${program} has an '=' in it`);
  return ["env", ...pairs, ...argv];
}
