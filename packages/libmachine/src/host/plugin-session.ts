import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { MkError } from "@mk/core";
import type { CreateFlag, FlagValue } from "../protocol/flags.js";
import { fromWireFlags, isUnknownTypeName, OPTIONS_TYPE_NAMES, toWireOptions } from "../protocol/flags.js";
import { API_VERSION, HEARTBEAT, METHODS, SERVICE_NAMES } from "../protocol/methods.js";
import { openGoRpc } from "../rpc/handshake.js";
import { RemoteError, RpcClient, type RpcMethod } from "../rpc/rpc-client.js";
import { assertListenerOwner } from "./listener-owner.js";
import { type PluginAddress, parsePluginAddress } from "./plugin-address.js";
import { PluginProcess, type PluginProcessOptions, type PluginProgram } from "./plugin-process.js";
import { type Keeper, startKeeper } from "./start-keeper.js";

export interface OpenPluginOptions extends PluginProcessOptions {
  readonly signal: AbortSignal;
  /** Milliseconds between heartbeats. Default 5000, as docker-machine's. */
  readonly heartbeatMs?: number;
}

/** Answers that need no hypervisor: a plugin that takes longer hangs. */
const PROMPT_MS = 10_000;
const CLOSE_MS = 2_000;
/** Heartbeats unanswered before the plugin counts as dead. Beats are counted and not time, for mk itself may have been stopped. */
const MISSED_BEATS = 3;

/** A running plugin, past its handshake. */
export class PluginSession {
  readonly #process: PluginProcess;
  readonly #client: RpcClient;
  readonly #service: string;
  readonly #keeper: Keeper;
  readonly #heartbeat: NodeJS.Timeout;
  #unansweredBeats = 0;
  /** Why no call can be made any more. */
  #failure: unknown;
  #isGivenUp = false;
  #running = 0;
  #closing: Promise<void> | undefined;

  private constructor(process: PluginProcess, client: RpcClient, service: string, keeper: Keeper, heartbeatMs: number) {
    this.#process = process;
    this.#client = client;
    this.#service = service;
    this.#keeper = keeper;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    // What is pending keeps mk running; the heartbeat alone does not.
    this.#heartbeat.unref();
    void client.ended.then(() => clearInterval(this.#heartbeat));
  }

  /**
   * Starts a plugin and agrees with it on version and service name. DRIVER_UNSUPPORTED for another version of the protocol; PROTOCOL_ERROR, PLUGIN_CRASHED,
   * COMMAND_NOT_FOUND. On failure nothing of the plugin is left.
   */
  static async open(program: PluginProgram, options: OpenPluginOptions): Promise<PluginSession> {
    options.signal.throwIfAborted();
    const process = await PluginProcess.start(program, options);
    try {
      const address = parsePluginAddress(await process.address(options.signal));
      const client = new RpcClient(await connectPlugin(process, address, options));
      const service = await agree(process, client, options.signal);
      const keeper = startKeeper(address, process.pid, service);
      return new PluginSession(process, client, service, keeper, options.heartbeatMs ?? HEARTBEAT.intervalMs);
    } catch (error) {
      await process.end(0);
      throw error;
    }
  }

  /** Whether the plugin is there and in a state that is known. */
  get isUsable(): boolean {
    return this.#failure === undefined && !this.#isGivenUp && this.#closing === undefined && !this.#process.hasExited;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Calls a method. DRIVER_FAILED with the driver's own text when the driver failed; PLUGIN_CRASHED when the plugin ended; PROTOCOL_ERROR; the signal's
   * reason when that aborts, after which nobody knows what the plugin does: it should be asked no more than what it knows, and closed.
   */
  async call<A, R>(method: RpcMethod<A, R>, argument: A, signal: AbortSignal): Promise<R> {
    this.#running++;
    try {
      return await this.#client.call(this.#service, method, argument, signal);
    } catch (error) {
      if (error instanceof RemoteError) {
        throw new MkError("DRIVER_FAILED", `driver ${this.#process.program.name} failed: ${error.message}`, {
          details: { method: method.name, message: error.message },
          cause: error,
        });
      }
      throw await this.#explain(method.name, error, signal);
    } finally {
      this.#running--;
    }
  }

  async #explain(method: string, error: unknown, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) {
      this.#isGivenUp = true;
      return error;
    }
    this.#failure ??= MkError.is(error, "NETWORK_FAILED")
      ? await this.#process.crash(`during ${method}`, error)
      : error;
    return this.#failure;
  }

  /** As {@link call} for methods that answer out of the plugin's memory: TIMED_OUT after 10 s. */
  async ask<A, R>(method: RpcMethod<A, R>, argument: A, signal: AbortSignal): Promise<R> {
    return await promptly(method.name, signal, (either) => this.call(method, argument, either));
  }

  async createFlags(signal: AbortSignal): Promise<readonly CreateFlag[]> {
    return fromWireFlags(await this.ask(METHODS.GetCreateFlags, {}, signal));
  }

  async setConfig(json: string, signal: AbortSignal): Promise<void> {
    await this.ask(METHODS.SetConfigRaw, Buffer.from(json, "utf8"), signal);
  }

  /** The driver's state as JSON text. It is never parsed and written again: its numbers need not fit JavaScript's. */
  async getConfig(signal: AbortSignal): Promise<string> {
    return Buffer.from(await this.ask(METHODS.GetConfigRaw, {}, signal)).toString("utf8");
  }

  /** Gives the driver its options. Builds of the library differ in the name of their type, so a refused name is followed by the next. */
  async setFlags(values: Readonly<Record<string, FlagValue>>, signal: AbortSignal): Promise<void> {
    for (const [index, typeName] of OPTIONS_TYPE_NAMES.entries()) {
      try {
        await this.ask(METHODS.SetConfigFromFlags, toWireOptions(values, typeName), signal);
        return;
      } catch (error) {
        const isLast = index === OPTIONS_TYPE_NAMES.length - 1;
        if (isLast || !MkError.is(error, "DRIVER_FAILED") || !isUnknownTypeName(error.message)) throw error;
      }
    }
  }

  #beat(): void {
    if (this.#unansweredBeats >= MISSED_BEATS) {
      this.#die(
        new MkError("PLUGIN_CRASHED", `the plugin of driver ${this.#process.program.name} does not answer any more`),
      );
      return;
    }
    this.#unansweredBeats++;
    this.#client.call(this.#service, METHODS.Heartbeat, {}).then(
      () => {
        this.#unansweredBeats = 0;
      },
      (error: unknown) => {
        // Go's host gives up here too. When the connection is gone, the calls say so themselves.
        if (error instanceof RemoteError) {
          const name = this.#process.program.name;
          this.#die(
            new MkError("PLUGIN_CRASHED", `the plugin of driver ${name} failed its heartbeat: ${error.message}`, {
              cause: error,
            }),
          );
        }
      },
    );
  }

  #die(failure: MkError): void {
    this.#failure ??= failure;
    this.#client.close();
  }

  /** Says good-bye and ends the plugin, whatever state it is in: at once when a call was given up, else when it had 2 s to go by itself. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#keeper.dismiss();
    const isIdle = this.#running === 0 && this.#failure === undefined && !this.#isGivenUp;
    if (isIdle && !this.#process.hasExited) {
      // The answer may lose the race with the plugin's end: both mean success.
      await this.#client.call(this.#service, METHODS.Close, {}, AbortSignal.timeout(CLOSE_MS)).catch(() => undefined);
      await this.#process.goesWithin(CLOSE_MS);
    }
    this.#client.close();
    await this.#process.end();
  }
}

async function connectPlugin(
  process: PluginProcess,
  address: PluginAddress,
  options: OpenPluginOptions,
): Promise<Socket> {
  return await promptly("its handshake", options.signal, async (signal) => {
    const socket = await dial(process, address, signal);
    try {
      // After connecting, so that it cannot change hands in between, and before a word is said.
      await assertListenerOwner(address, process.pid, options.platform);
      await openGoRpc(socket, signal);
      return socket;
    } catch (error) {
      socket.destroy();
      throw MkError.is(error, "NETWORK_FAILED") ? await process.crash("during its handshake", error) : error;
    }
  });
}

function dial(process: PluginProcess, address: PluginAddress, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", (cause) => {
      const where = `${address.host}:${address.port}`;
      const name = process.program.name;
      reject(new MkError("PROTOCOL_ERROR", `the plugin of driver ${name} does not answer at ${where}`, { cause }));
    });
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

/** Finds the service's name: any error of the new one means the old one, as for docker-machine. */
async function agree(process: PluginProcess, client: RpcClient, signal: AbortSignal): Promise<string> {
  const version = async (service: string): Promise<number> =>
    await promptly("GetVersion", signal, (either) => client.call(service, METHODS.GetVersion, {}, either));
  try {
    let service: string = SERVICE_NAMES[0];
    const answered = await version(service).catch(async (error: unknown) => {
      if (!(error instanceof RemoteError)) throw error;
      service = SERVICE_NAMES[1];
      return await version(service);
    });
    if (answered === API_VERSION) return service;
    const { name, path } = process.program;
    throw new MkError(
      "DRIVER_UNSUPPORTED",
      `the plugin of driver ${name} speaks version ${answered} of the protocol, mk speaks ${API_VERSION}`,
      {
        hint: `Install another version of ${path}.`,
      },
    );
  } catch (error) {
    client.close();
    if (MkError.is(error, "NETWORK_FAILED")) throw await process.crash("during GetVersion", error);
    if (error instanceof RemoteError) {
      throw new MkError("DRIVER_FAILED", `driver ${process.program.name} failed: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** TIMED_OUT after 10 s; the caller's own reason when it gives up before. */
async function promptly<T>(what: string, signal: AbortSignal, work: (either: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(PROMPT_MS);
  try {
    return await work(AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (!deadline.aborted || signal.aborted) throw error;
    throw new MkError("TIMED_OUT", `the plugin did not answer ${what} within ${PROMPT_MS / 1000} s`, { cause: error });
  }
}
