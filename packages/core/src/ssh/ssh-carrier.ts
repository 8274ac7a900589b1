import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import type { Host } from "../contract/host.js";
import { MkError } from "../errors.js";
import { exitStatus } from "../host/exit-status.js";
import type { Carrier, RemoteProcess, StartOptions } from "./carrier.js";
import { commandLine } from "./quote-for-shell.js";
import { raceAbort } from "./race-abort.js";
import { openSshConnection, type SshDeadlines } from "./ssh-connection.js";
import type { SshTarget } from "./ssh-target.js";
import type { ForwardTarget } from "./transport.js";

/** Carries a transport over one SSH connection that all calls share; it is made again when it broke. */
export class SshCarrier implements Carrier {
  readonly #host: Host;
  readonly #target: SshTarget;
  readonly #deadlines: Partial<SshDeadlines>;
  readonly #closing = new AbortController();
  readonly #open = new Set<ClientChannel>();
  #connecting: Promise<Client> | undefined;

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
    const channel = await this.#channel(signal, (client, done) => {
      if (line === undefined) client.shell(pty ?? false, done);
      else client.exec(line, pty ? { pty } : {}, done);
    });
    this.#open.add(channel);
    channel.once("close", () => this.#open.delete(channel));
    return this.#process(channel);
  }

  async dial(target: ForwardTarget, signal: AbortSignal): Promise<Duplex> {
    try {
      return await this.#channel(signal, (client, done) => {
        if ("path" in target) client.openssh_forwardOutStreamLocal(target.path, done);
        else client.forwardOut("127.0.0.1", 0, target.host ?? "127.0.0.1", target.port, done);
      });
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
    const connecting = openSshConnection(this.#host, this.#target, {
      signal: this.#closing.signal,
      deadlines: this.#deadlines,
    });
    const forget = (): void => {
      if (this.#connecting === connecting) this.#connecting = undefined;
    };
    connecting.then((client) => client.once("close", forget).once("end", forget), forget);
    return connecting;
  }

  /**
   * Opens a channel. Servers limit the sessions of one connection (OpenSSH: 10): a refusal while some are open means to wait for the end
   * of one of them.
   */
  async #channel(
    signal: AbortSignal,
    request: (client: Client, done: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<ClientChannel> {
    for (;;) {
      const client = await this.#client(signal);
      try {
        return await raceAbort(
          new Promise<ClientChannel>((resolve, reject) => {
            request(client, (error, channel) => {
              if (error) return reject(error);
              // The caller has gone: nobody else would ever close it.
              if (signal.aborted) channel.close();
              resolve(channel);
            });
          }),
          signal,
        );
      } catch (error) {
        if (signal.aborted || MkError.is(error)) throw error;
        if (!isRefusal(error)) throw this.#lost(error);
        const [busy] = this.#open;
        if (busy === undefined) throw error;
        await raceAbort(anyClosed(this.#open), signal);
      }
    }
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
      kill: () => {
        channel.signal("TERM");
        channel.close();
      },
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

  #lost(cause: unknown): MkError {
    return new MkError("NETWORK_FAILED", `the connection to machine ${this.#target.machine} broke`, {
      cause,
      details: { machine: this.#target.machine },
    });
  }
}

/** An answer of the server, as opposed to the loss of the connection: it carries a reason, RFC 4254, 5.1. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "reason" in error && typeof error.reason === "number";
}

function anyClosed(channels: Iterable<ClientChannel>): Promise<void> {
  return new Promise((resolve) => {
    for (const channel of channels) channel.once("close", () => resolve());
  });
}
