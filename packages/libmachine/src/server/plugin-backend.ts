import { Buffer } from "node:buffer";
import { join } from "node:path";
import {
  createMk,
  type Driver,
  type EventData,
  type ImageSource,
  type MachineAccess,
  type MachineHandle,
  type MachineStatus,
  type Mk,
  MkError,
} from "@mk/core";
import { type FlagValue, fromWireOptions, toWireFlags } from "../protocol/flags.js";
import { type PluginState, stateNumber } from "../protocol/machine-state.js";
import { API_VERSION, GET_IPV6, METHODS, SERVICE_NAMES } from "../protocol/methods.js";
import { RpcService } from "../rpc/rpc-server.js";
import { prepareForDockerMachine } from "./docker-machine-guest.js";
import { createFlags, readFlags } from "./option-flags.js";
import { mergeConfig, type PluginConfig, withRequest } from "./plugin-config.js";

export interface BackendOptions {
  /** The name under which the host knows the driver: it must answer to it, or the machine is lost. */
  readonly name: string;
  readonly driver: Driver;
  readonly images: ImageSource | undefined;
  readonly onEvent: (event: EventData) => void;
}

/**
 * An mk driver behind docker-machine's driver interface. Each machine is one of core's own, in a home of its own inside the folder that docker-machine
 * keeps for the machine; so locks, roll-back, keys and readiness are the same as under `mk`.
 */
export class PluginBackend {
  readonly #options: BackendOptions;
  #config: PluginConfig | undefined;
  #mk: Mk | undefined;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** The service, under both its names; Heartbeat and Close are the process's own and are added by it. */
  service(): RpcService {
    const { name, driver } = this.#options;
    return new RpcService(...SERVICE_NAMES)
      .on(METHODS.GetVersion, () => API_VERSION)
      .on(METHODS.DriverName, () => name)
      .on(METHODS.GetCreateFlags, () => toWireFlags(createFlags(name, driver)))
      .on(METHODS.SetConfigRaw, (json) => this.#setConfig(Buffer.from(json).toString("utf8")))
      .on(METHODS.GetConfigRaw, () => Buffer.from(JSON.stringify(this.#known())))
      .on(METHODS.SetConfigFromFlags, (argument) => this.#setFlags(fromWireOptions(argument)))
      .on(METHODS.GetMachineName, () => this.#known().MachineName)
      .on(METHODS.GetIP, async () => await (await this.#runningMachine()).address())
      .on(GET_IPV6, () => "")
      .on(METHODS.GetURL, async () => (await (await this.#runningMachine()).docker()).host)
      .on(METHODS.GetSSHHostname, async () => (await this.#access()).host)
      .on(METHODS.GetSSHPort, async () => (await this.#access()).port)
      .on(METHODS.GetSSHUsername, async () => (await this.#access()).user)
      .on(METHODS.GetSSHKeyPath, () => this.#keyPath())
      .on(METHODS.GetState, async () => stateNumber(stateOf(await this.#status())))
      .on(METHODS.PreCreateCheck, () => this.#check())
      .on(METHODS.Create, () => this.#change(() => this.#create()))
      .on(METHODS.Start, () =>
        this.#change(async () => this.#started(await this.#machine(), (machine) => machine.start())),
      )
      .on(METHODS.Restart, () =>
        this.#change(async () => this.#started(await this.#machine(), (machine) => machine.restart())),
      )
      .on(METHODS.Stop, () => this.#change(async () => await (await this.#machine()).stop()))
      .on(METHODS.Kill, () => this.#change(async () => await (await this.#machine()).stop({ force: true })))
      .on(METHODS.Remove, () => this.#change(() => this.#remove()));
  }

  /** Aborts what runs; resolves when it was rolled back. */
  async close(): Promise<void> {
    await this.#mk?.[Symbol.asyncDispose]();
    await Promise.allSettled(this.#running);
  }

  #known(): PluginConfig {
    if (this.#config === undefined) throw new MkError("INVALID_ARGUMENT", "SetConfigRaw must be called first");
    return this.#config;
  }

  #setConfig(json: string): undefined {
    const before = this.#config;
    this.#config = mergeConfig(before, json);
    const isSame = before?.MachineName === this.#config.MachineName && before.StorePath === this.#config.StorePath;
    if (!isSame) this.#mk = undefined;
  }

  #setFlags(values: ReadonlyMap<string, FlagValue>): undefined {
    this.#config = withRequest(this.#known(), readFlags(this.#options.name, this.#options.driver, values));
  }

  #home(): string {
    const { StorePath, MachineName } = this.#known();
    return join(StorePath, "machines", MachineName, "mk");
  }

  #core(): Mk {
    const { driver, images, onEvent } = this.#options;
    this.#mk ??= createMk({
      home: this.#home(),
      drivers: [driver],
      ...(images !== undefined && { images }),
      onEvent: (event) => onEvent(event.data),
    });
    return this.#mk;
  }

  async #check(): Promise<undefined> {
    const reports = await this.#core().probe();
    const status = reports[0]?.status;
    if (status === undefined || status.status === "ready") return;
    throw new MkError("DRIVER_UNAVAILABLE", `driver ${this.#options.driver.name} cannot work here: ${status.reason}`, {
      hint: status.fix,
    });
  }

  async #create(): Promise<void> {
    const { MachineName, CPU, Memory, DiskSize, Options } = this.#known();
    const machine = await this.#core().start({
      name: MachineName,
      driver: this.#options.driver.name,
      cpus: CPU,
      memoryMiB: Memory,
      diskMiB: DiskSize,
      options: Options,
    });
    await this.#started(machine);
  }

  /** Does what starts the machine, if that is not done yet; then keeps what is known of it now. */
  async #started(machine: MachineHandle, start?: (machine: MachineHandle) => Promise<void>): Promise<void> {
    await start?.(machine);
    await prepareForDockerMachine(this.#options.driver, machine);
    const access = await machine.access();
    const address = await machine.address();
    this.#config = {
      ...this.#known(),
      IPAddress: address,
      ...(access.via === "ssh" && {
        SSHUser: access.user,
        SSHPort: access.port,
        SSHKeyPath: access.identityFile ?? "",
      }),
    };
  }

  async #remove(): Promise<void> {
    const machine = await this.#machine().catch((error: unknown) => {
      if (!MkError.is(error, "MACHINE_ABSENT")) throw error;
    });
    await machine?.delete();
  }

  async #machine(): Promise<MachineHandle> {
    return await this.#core().machine(this.#known().MachineName);
  }

  async #status(): Promise<MachineStatus> {
    try {
      return await (await this.#machine()).status();
    } catch (error) {
      if (MkError.is(error, "MACHINE_ABSENT")) return { state: "absent" };
      throw error;
    }
  }

  async #runningMachine(): Promise<MachineHandle> {
    // This very text is the one that `docker-machine ls` does not show as an error.
    if ((await this.#status()).state !== "running") throw new Error("Host is not running");
    return await this.#machine();
  }

  async #access(): Promise<MachineAccess & { readonly via: "ssh" }> {
    const access = await (await this.#runningMachine()).access();
    if (access.via === "ssh") return access;
    throw new MkError("NOT_SUPPORTED", `driver ${this.#options.driver.name} has no SSH`);
  }

  async #keyPath(): Promise<string> {
    const { SSHKeyPath } = this.#known();
    return SSHKeyPath !== "" ? SSHKeyPath : ((await this.#access()).identityFile ?? "");
  }

  async #change(work: () => Promise<void>): Promise<undefined> {
    const running = work();
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

function stateOf(status: MachineStatus): PluginState {
  switch (status.state) {
    case "running":
    case "paused":
    case "saved":
    case "stopped":
    case "stopping":
    case "starting":
      return status.state;
    case "absent":
      return "none";
    case "broken":
      return "error";
    case "unknown":
      return "timeout";
    default:
      return status satisfies never;
  }
}
