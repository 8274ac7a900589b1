import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { raceAbort } from "../abort/race-abort.js";
import type { Host } from "../contract/host.js";
import { MkError } from "../errors.js";
import { exitStatus } from "../host/exit-status.js";
import type { Carrier, RemoteProcess, StartOptions } from "./carrier.js";
import { commandLine } from "./quote-for-shell.js";
import { SessionSlots } from "./session-slots.js";
import { openSshConnection, type SshDeadlines } from "./ssh-connection.js";
import type { SshTarget } from "./ssh-target.js";
import type { ForwardTarget } from "./transport.js";

/** Carries a transport over one SSH connection that all calls share; it is made again when it broke. */
export class SshCarrier implements Carrier {
  readonly #host: Host;
  readonly #target: SshTarget;
  readonly #deadlines: Partial<SshDeadlines>;
  readonly #closing = new AbortController();
  readonly #slots = new SessionSlots();
  #connecting: Promise<Client> | undefined;
  isLost = false;

  constructor(host: Host, target: SshTarget, deadlines: Partial<SshDeadlines> = {}) {
    this.#host = host;
    this.#target = target;
    this.#deadlines = deadlines;
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.#client(signal);
  }

  async start(command: readonly string[] | "shell", options: StartOptions): Promise<RemoteProcess> {
    const { env, terminal, signal } = options;
    const pty = terminal && { term: terminal.term, cols: terminal.columns, rows: terminal.rows };
    const line = command === "shell" ? undefined : commandLine(command, env);
    return this.#session(signal, (client, done) => {
      if (line === undefined) client.shell(pty ?? false, done);
      else client.exec(line, pty ? { pty } : {}, done);
    });
  }

  async dial(target: ForwardTarget, signal: AbortSignal): Promise<Duplex> {
    try {
      const request: OpenChannel = (client, done) => {
        if ("path" in target) client.openssh_forwardOutStreamLocal(target.path, done);
        else client.forwardOut("127.0.0.1", 0, target.host ?? "127.0.0.1", target.port, done);
      };
      return await this.#channel(signal, request, (channel) => channel);
    } catch (error) {
      if (MkError.is(error) || signal.aborted) throw error;
      const name = "path" in target ? target.path : `port ${target.port}`;
      throw new MkError("NETWORK_FAILED", `cannot reach ${name} in machine ${this.#target.machine}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new MkError("CANCELLED", `the connection to machine ${this.#target.machine} was closed`));
    const client = await this.#connecting?.catch(() => undefined);
    client?.end();
    client?.destroy();
  }

  /** The shared connection. An attempt belongs to all who wait for it: one caller's abort ends only that caller's wait. */
  async #client(signal: AbortSignal): Promise<Client> {
    signal.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    this.#connecting ??= this.#connect();
    return raceAbort(this.#connecting, signal);
  }

  #connect(): Promise<Client> {
    this.isLost = false;
    const connecting = openSshConnection(this.#host, this.#target, {
      signal: this.#closing.signal,
      deadlines: this.#deadlines,
    });
    const forget = (): void => {
      if (this.#connecting !== connecting) return;
      this.#connecting = undefined;
      this.isLost = true;
    };
    connecting.then((client) => client.once("close", forget).once("end", forget), forget);
    return connecting;
  }

  /** Starts a program, when the server lets us. */
  async #session(signal: AbortSignal, request: OpenChannel): Promise<RemoteProcess> {
    const slot = this.#slots.slot();
    for (;;) {
      slot.take();
      try {
        return await this.#channel(signal, request, (channel) => {
          channel.once("close", () => slot.free());
          return this.#process(channel);
        });
      } catch (error) {
        if (isRefusal(error) && (await slot.refused(signal))) continue;
        slot.free();
        throw MkError.is(error) || signal.aborted ? error : this.#refused(error);
      }
    }
  }

  /** `use` gets the channel in the turn in which it is opened: a short program's exit code comes in the same packet. */
  async #channel<T>(signal: AbortSignal, request: OpenChannel, use: (channel: ClientChannel) => T): Promise<T> {
    const client = await this.#client(signal);
    const opening = new Promise<T>((resolve, reject) => {
      request(client, (error, channel) => {
        if (error) return reject(error);
        resolve(use(channel));
        // The caller has gone: nobody else would ever close it.
        if (signal.aborted) letGo(channel);
      });
    });
    return raceAbort(opening, signal);
  }

  #process(channel: ClientChannel): RemoteProcess {
    const exitCode = this.#exitCode(channel);
    // Who was aborted does not wait for the end any more.
    exitCode.catch(() => undefined);
    return {
      stdin: channel,
      stdout: channel,
      stderr: channel.stderr,
      exitCode,
      resize: ({ columns, rows }) => channel.setWindow(rows, columns, 0, 0),
      kill: () => letGo(channel),
    };
  }

  async #exitCode(channel: ClientChannel): Promise<number> {
    let status: number | undefined;
    channel.once("exit", (code: number | null, signal?: string) => {
      status = exitStatus(code, signal === undefined ? null : (`SIG${signal.replace(/^SIG/, "")}` as NodeJS.Signals));
    });
    await Promise.all([
      new Promise<void>((resolve) => channel.once("close", () => resolve())),
      new Promise<void>((resolve) => channel.stderr.once("close", () => resolve())),
    ]);
    if (status !== undefined) return status;
    throw this.#lost(undefined);
  }

  #refused(cause: unknown): MkError {
    // Of a lost connection the carrier has let go before it hears of this.
    if (this.#connecting === undefined) return this.#lost(cause);
    return new MkError("SSH_FAILED", `machine ${this.#target.machine} lets no program be started over SSH`, { cause });
  }

  #lost(cause: unknown): MkError {
    if (this.#closing.signal.aborted) return this.#closing.signal.reason;
    return new MkError("NETWORK_FAILED", `the connection to machine ${this.#target.machine} broke`, {
      cause,
      details: { machine: this.#target.machine },
    });
  }
}

type OpenChannel = (client: Client, done: (error: Error | undefined, channel: ClientChannel) => void) => void;

/** Ends a program as far as a server lets us (OpenSSH passes signals on for ordinary users alone), and its channel. */
function letGo(channel: ClientChannel): void {
  sendTerm(channel);
  channel.close();
  // A channel is closed when all of it has been read.
  for (const stream of [channel, channel.stderr]) {
    stream.unpipe();
    stream.resume();
  }
}

/** What ssh2's own `signal` does, also when the program's input has ended: RFC 4254, 6.9 has no such limit, ssh2 1.17 has. */
function sendTerm(channel: ClientChannel): void {
  const { _client, outgoing } = channel as unknown as {
    readonly _client: { readonly _protocol: { signal(id: number, name: string): void } };
    readonly outgoing: { readonly id: number; readonly state: string };
  };
  if (outgoing.state === "open" || outgoing.state === "eof") _client._protocol.signal(outgoing.id, "TERM");
}

/** An answer of the server, as opposed to the loss of the connection: it carries a reason, RFC 4254, 5.1. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "reason" in error && typeof error.reason === "number";
}
