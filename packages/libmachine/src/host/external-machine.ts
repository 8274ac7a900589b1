import { join } from "node:path";
import {
  ENGINE_PORT,
  type Endpoint,
  type Machine,
  type MachineAccess,
  type MachineContext,
  type MachineStatus,
  MkError,
  type Operation,
} from "@mk/core";
import { newBaseConfig } from "../protocol/base-config.js";
import { type PluginState, pluginState } from "../protocol/machine-state.js";
import { METHODS } from "../protocol/methods.js";
import type { RpcMethod } from "../rpc/rpc-client.js";
import { readDriverState, writeDriverState } from "./driver-state.js";
import type { ExternalConfig } from "./external-config.js";
import type { PluginProgram } from "./plugin-process.js";
import { PluginSession } from "./plugin-session.js";

/** Drivers of pretend machines: docker-machine does not try to reach these either. */
const WITHOUT_SHELL: readonly string[] = ["none", "ci-test"];

/** What a plugin that failed or was given up may take to say what it made. */
const LAST_WORD_MS = 2_000;

/** The first and the longest pause between two questions for the state: the protocol has no events. */
const POLL_MS = { first: 100, longest: 3_000 } as const;

/** A machine of a docker-machine driver. The plugin is started at the first call and ended by `close`. */
export class ExternalMachine implements Machine {
  readonly #program: PluginProgram;
  readonly #config: ExternalConfig;
  readonly #context: MachineContext;
  #session: PluginSession | undefined;
  /** One opens or closes at a time: calls that come at once share a plugin. */
  #turn: Promise<unknown> = Promise.resolve();
  #log: Operation["log"] = () => undefined;

  constructor(program: PluginProgram, config: ExternalConfig, context: MachineContext) {
    this.#program = program;
    this.#config = config;
    this.#context = context;
  }

  async inspect(op: Operation): Promise<MachineStatus> {
    if ((await readDriverState(this.#context)) === undefined) return { state: "absent" };
    return await this.#use(op, async (plugin) => {
      const state = await this.#state(plugin, op);
      switch (state) {
        case "running":
        case "paused":
        case "saved":
        case "stopped":
        case "stopping":
        case "starting":
          return { state };
        case "not-found":
          return { state: "absent" };
        case "error":
          return { state: "broken", reason: `driver ${this.#program.name} reports an error` };
        case "timeout":
          return { state: "unknown", reason: `driver ${this.#program.name} got no answer in time` };
        case "none":
          // Drivers of things that have no state, such as docker-machine's `none`, are running when they have an address.
          return (await this.#url(plugin, op)) === "" ? { state: "absent" } : { state: "running" };
        default:
          return state satisfies never;
      }
    });
  }

  async create(op: Operation): Promise<void> {
    await this.#use(op, async (plugin) => {
      await op.step("flags", "giving the driver its options", async () => {
        await plugin.setFlags(this.#config.flags, op.signal);
      });
      await op.step("pre-create", "checking what the driver needs", () =>
        this.#order(plugin, METHODS.PreCreateCheck, op),
      );
      op.undo((undo) => this.remove(undo));
      await this.#save(plugin, op);
      await op.step("create", `creating the machine with ${this.#program.name}`, async () => {
        try {
          await this.#order(plugin, METHODS.Create, op);
        } finally {
          await this.#saveWhatItMade(plugin);
        }
      });
      await op.step("running", "waiting for the machine to run", () => this.#waitFor(plugin, op, isOn));
      await this.#save(plugin, op);
    });
  }

  async start(op: Operation): Promise<void> {
    await this.#change(op, METHODS.Start, isOn);
  }

  async stop(op: Operation): Promise<void> {
    await this.#change(op, METHODS.Stop, isOff);
  }

  async kill(op: Operation): Promise<void> {
    await this.#use(op, async (plugin) => {
      // A driver of things without a state refuses; there is no power to cut.
      if ((await this.#state(plugin, op)) === "none") return;
      await this.#order(plugin, METHODS.Kill, op);
      await this.#waitFor(plugin, op, isOff);
      await this.#save(plugin, op);
    });
  }

  async remove(op: Operation): Promise<void> {
    if ((await readDriverState(this.#context)) !== undefined) {
      await this.#use(op, (plugin) => this.#order(plugin, METHODS.Remove, op));
      await writeDriverState(this.#context, undefined);
    }
    await this.#context.host.files.remove(this.#store);
  }

  async access(op: Operation): Promise<MachineAccess> {
    if (WITHOUT_SHELL.includes(this.#program.name)) throw this.#noShell();
    return await this.#use(op, async (plugin) => {
      const ask = <R>(method: RpcMethod<Record<string, never>, R>): Promise<R> => plugin.call(method, {}, op.signal);
      const host = await ask(METHODS.GetSSHHostname);
      const [port, user, key] = await Promise.all([
        ask(METHODS.GetSSHPort),
        ask(METHODS.GetSSHUsername),
        ask(METHODS.GetSSHKeyPath),
      ]);
      if (host === "") throw this.#noShell();
      return { via: "ssh", host, port, user, ...(key !== "" && { identityFile: key }), hostKey: "first-use" };
    });
  }

  async endpoint(guestPort: number, op: Operation): Promise<Endpoint> {
    return await this.#use(op, async (plugin) => {
      const url = guestPort === ENGINE_PORT ? await this.#url(plugin, op) : "";
      // Only the engine's port has a URL, which may lead to another number on the host's side.
      if (URL.canParse(url)) {
        const { hostname, port } = new URL(url);
        if (hostname !== "") return { host: bare(hostname), port: Number(port) || guestPort };
      }
      return { host: await this.#ip(plugin, op), port: guestPort };
    });
  }

  async address(op: Operation): Promise<string> {
    return await this.#use(op, (plugin) => this.#ip(plugin, op));
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#session?.close();
      this.#session = undefined;
    });
  }

  #noShell(): MkError {
    return new MkError("NOT_SUPPORTED", `the machines of driver ${this.#program.name} have no shell`, {
      hint: "Use a driver whose machines have an SSH server.",
    });
  }

  /** The store as the plugin sees it: it keeps its files in `machines/<name>` there. */
  get #store(): string {
    return join(this.#context.directory, "libmachine");
  }

  async #use<T>(op: Operation, work: (plugin: PluginSession) => Promise<T>): Promise<T> {
    this.#log = op.log;
    const plugin = await this.#inTurn(() => this.#open(op));
    try {
      return await work(plugin);
    } catch (error) {
      // After an abort or a crash nobody knows what the plugin is doing: the next call gets a new one.
      if (!plugin.isUsable) await plugin.close();
      throw error;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #open(op: Operation): Promise<PluginSession> {
    if (this.#session?.isUsable === true) return this.#session;
    await this.#session?.close();
    this.#session = undefined;
    const { host, name } = this.#context;
    await host.files.makeDirectory(join(this.#store, "machines", name));
    const session = await PluginSession.open(this.#program, {
      signal: op.signal,
      env: { ...host.env, MACHINE_STORAGE_PATH: this.#store },
      platform: host.platform,
      // Standard error is for who debugs the plugin, as under docker-machine: its end goes into the error when the plugin fails.
      onLine: (line, stream) => {
        if (stream === "stdout") this.#log(line, { driver: this.#program.name });
      },
    });
    try {
      const state = await readDriverState(this.#context);
      await session.setConfig(state?.config ?? JSON.stringify(newBaseConfig(name, this.#store)), op.signal);
    } catch (error) {
      // A plugin that does not know its machine must answer nothing.
      await session.close();
      throw error;
    }
    this.#session = session;
    return session;
  }

  /** Keeps what the driver knows now: addresses and ids that it learnt in the last call. */
  async #save(plugin: PluginSession, { signal }: Pick<Operation, "signal">): Promise<void> {
    await writeDriverState(this.#context, { config: await plugin.getConfig(signal) });
  }

  /** A driver that failed or was given up half-way knows what it made, and needs that to remove it. When it does not say, what it knew before stays. */
  async #saveWhatItMade(plugin: PluginSession): Promise<void> {
    await this.#save(plugin, { signal: AbortSignal.timeout(LAST_WORD_MS) }).catch(() => undefined);
  }

  async #order(
    plugin: PluginSession,
    method: RpcMethod<Record<string, never>, undefined>,
    op: Operation,
  ): Promise<void> {
    await plugin.call(method, {}, op.signal);
  }

  async #change(
    op: Operation,
    method: RpcMethod<Record<string, never>, undefined>,
    reached: (state: PluginState) => boolean,
  ): Promise<void> {
    await this.#use(op, async (plugin) => {
      await this.#order(plugin, method, op);
      await this.#waitFor(plugin, op, reached);
      await this.#save(plugin, op);
    });
  }

  async #state(plugin: PluginSession, op: Operation): Promise<PluginState> {
    return pluginState(await plugin.call(METHODS.GetState, {}, op.signal));
  }

  async #ip(plugin: PluginSession, op: Operation): Promise<string> {
    const address = await plugin.call(METHODS.GetIP, {}, op.signal);
    // docker-machine's `none` answers with host and port.
    return /^[^:]+:\d+$/.test(address) ? address.slice(0, address.indexOf(":")) : address;
  }

  /** The engine's URL; empty where there is none. An error is how drivers say that the machine is not running. */
  async #url(plugin: PluginSession, op: Operation): Promise<string> {
    try {
      return await plugin.call(METHODS.GetURL, {}, op.signal);
    } catch (error) {
      if (MkError.is(error, "DRIVER_FAILED")) return "";
      throw error;
    }
  }

  async #waitFor(plugin: PluginSession, op: Operation, reached: (state: PluginState) => boolean): Promise<void> {
    for (let pauseMs: number = POLL_MS.first; ; pauseMs = Math.min(pauseMs * 2, POLL_MS.longest)) {
      const state = await this.#state(plugin, op);
      if (reached(state)) return;
      if (state === "error") {
        throw new MkError(
          "DRIVER_FAILED",
          `driver ${this.#program.name} reports an error of machine ${JSON.stringify(this.#context.name)}`,
        );
      }
      await this.#context.host.delay(pauseMs, op.signal);
    }
  }
}

// `none`: the driver has no notion of it, see `inspect`.
const isOn = (state: PluginState): boolean => state === "running" || state === "none";
const isOff = (state: PluginState): boolean => ["stopped", "saved", "none", "not-found"].includes(state);

/** URLs write IPv6 addresses in brackets. */
function bare(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}
