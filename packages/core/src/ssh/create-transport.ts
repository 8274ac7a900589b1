import { raceAbort } from "../abort/race-abort.js";
import type { ExecResult, Forward } from "../api.js";
import type { Host } from "../contract/host.js";
import type { MachineAccess } from "../contract/status.js";
import { MkError } from "../errors.js";
import type { Carrier, RemoteProcess, TerminalSize } from "./carrier.js";
import { collect, feed } from "./collect.js";
import { ExecCarrier } from "./exec-carrier.js";
import { SshCarrier } from "./ssh-carrier.js";
import type { SshDeadlines } from "./ssh-connection.js";
import { sshTarget } from "./ssh-target.js";
import type { ForwardSource, ForwardTarget, ShellOptions, Transport, TransportExecOptions } from "./transport.js";

const TERMINAL: TerminalSize & { readonly term: string } = { columns: 80, rows: 24, term: "xterm-256color" };
const TAIL_CHARACTERS = 4_096;

/** Whose key and known hosts a connection uses, and how patient it is. */
export interface TransportOptions {
  /** The machine's name and its directory, which holds its key and its known_hosts. */
  readonly machine: { readonly name: string; readonly directory: string };
  /** Deadlines of SSH's phases that differ from the defaults, milliseconds. */
  readonly deadlines?: Partial<SshDeadlines>;
}

/** The way into a machine that its driver's `access` describes. Nothing is opened yet. */
export function createTransport(
  host: Host,
  access: MachineAccess,
  { machine, deadlines }: TransportOptions,
): Transport {
  switch (access.via) {
    case "ssh":
      return transportOver(host, machine.name, new SshCarrier(host, sshTarget(access, machine), deadlines));
    case "exec":
      return transportOver(host, machine.name, new ExecCarrier(host, access.argv));
    default:
      return access satisfies never;
  }
}

function transportOver(host: Host, machine: string, carrier: Carrier): Transport {
  const never = new AbortController().signal;
  const transport: Transport = {
    get isLost() {
      return carrier.isLost;
    },
    connect: (signal) => carrier.connect(signal),
    async exec(argv, options = {}) {
      const result = await runRemote(carrier, argv, options);
      if (options.check && result.exitCode !== 0) throw commandFailed(machine, argv[0] ?? "", result);
      return result;
    },
    // In braces: sh reads the whole before it runs any of it, so that a script that was cut off is a syntax error, and so that a program
    // in it cannot take the rest of the script for its input.
    script: (text, options) => transport.exec(["sh", "-s"], { ...options, input: `{ :\n${text}\n}\n` }),
    shell: (options) => shell(carrier, options),
    async copyTo(source, target, signal = never) {
      const { copyTo } = await import("./copy-to.js");
      await copyTo(carrier, machine, { source, target, signal });
    },
    async copyFrom(source, target, signal = never) {
      const { copyFrom } = await import("./copy-from.js");
      await copyFrom(carrier, host.platform, machine, { source, target, signal });
    },
    dial: (target: ForwardTarget, signal = never) => carrier.dial(target, signal),
    async forward(from: ForwardSource, to: ForwardTarget, signal = never): Promise<Forward> {
      const { forward } = await import("./forward.js");
      return forward(carrier, host.platform, { from, to, signal });
    },
    [Symbol.asyncDispose]: () => carrier.close(),
  };
  return transport;
}

async function runRemote(
  carrier: Carrier,
  argv: readonly string[],
  { input, stdout, stderr, env, tty = false, signal = new AbortController().signal }: TransportExecOptions,
): Promise<ExecResult> {
  const terminal = tty === false ? undefined : { ...TERMINAL, ...(tty === true ? {} : tty) };
  const process = await carrier.start(argv, { env, terminal, signal });
  const out = collect(process.stdout, stdout);
  const err = collect(process.stderr, stderr);
  const fed = feed(process, input, { isTerminal: terminal !== undefined });
  const exitCode = await ended(process, signal, [fed, out.delivered, err.delivered]);
  return { exitCode, stdout: out.text(), stderr: err.text() };
}

async function shell(carrier: Carrier, options: ShellOptions): Promise<number> {
  const { stdin, stdout, term = TERMINAL.term, signal = new AbortController().signal } = options;
  const size = (): TerminalSize => ({ ...TERMINAL, ...sizeOf(stdout) });
  const process = await carrier.start("shell", { terminal: { ...size(), term }, signal });
  const onResize = (): void => process.resize(size());
  stdout.on("resize", onResize);
  const raw =
    "setRawMode" in stdin && typeof stdin.setRawMode === "function" ? stdin.setRawMode.bind(stdin) : undefined;
  raw?.(true);
  try {
    const out = collect(process.stdout, stdout);
    const err = collect(process.stderr, stdout);
    const fed = feed(process, stdin, { isTerminal: true });
    return await ended(process, signal, [fed, out.delivered, err.delivered]);
  } finally {
    raw?.(false);
    stdout.off("resize", onResize);
  }
}

function sizeOf(stream: object): Partial<TerminalSize> {
  if (!("columns" in stream && "rows" in stream)) return {};
  const { columns, rows } = stream;
  return typeof columns === "number" && typeof rows === "number" ? { columns, rows } : {};
}

/** The exit code, once the outputs are delivered; on abort, or when a stream of the caller's breaks, the program is told to end. */
async function ended(process: RemoteProcess, signal: AbortSignal, streams: readonly Promise<void>[]): Promise<number> {
  try {
    const [exitCode] = await raceAbort(Promise.all([process.exitCode, ...streams]), signal);
    return exitCode;
  } catch (error) {
    process.kill();
    throw error;
  }
}

function commandFailed(machine: string, program: string, { exitCode, stderr }: ExecResult): MkError {
  const tail = stderr.trimEnd().slice(-TAIL_CHARACTERS);
  const last = tail.slice(tail.lastIndexOf("\n") + 1).trim();
  return new MkError(
    "COMMAND_FAILED",
    `${program} in machine ${machine} ended with exit code ${exitCode}${last && `: ${last}`}`,
    { details: { machine, program, exitCode, stderr: tail } },
  );
}
