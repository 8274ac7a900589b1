import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Driver,
  type DriverStatus,
  type GuestImage,
  type Host,
  hostArch,
  type Machine,
  type MachineContext,
  type MachineSpec,
  type MachineState,
  type MachineStatus,
  type Operation,
} from "@mk/core";
import { type Disturb, disturbedHost } from "./disturbed-host.js";
import { driverOptions } from "./driver-options.js";
import { standInImage } from "./image.js";
import { type Outcome, type RunOptions, runOperation } from "./operation.js";
import { ScriptedHost } from "./scripted-host/scripted-host.js";
import { seedFiles } from "./seed.js";
import type { ConformanceSetup, Mode } from "./setup.js";
import { untilReady } from "./until-ready.js";

/** How long a real machine may take for one operation. */
const LIVE_MS = 180_000;

/** One machine on one host, and core's part of its life: what every test of the kit works with. */
export class Bench implements AsyncDisposable {
  readonly driver: Driver;
  readonly setup: ConformanceSetup;
  readonly host: Host & AsyncDisposable;
  readonly mode: Mode;
  spec: MachineSpec;
  readonly directory: string;
  readonly image: GuestImage | undefined;
  /** The config as core has it: through JSON, then the driver's own parser. */
  config: unknown;
  /** The record as core stored it: JSON text. */
  record: string | undefined;
  /** Every value that was recorded, as the driver gave it. */
  readonly recorded: unknown[] = [];
  #disturb: Disturb | undefined;
  readonly #handles: Machine[] = [];
  /** The inventory when the bench was opened. */
  before: readonly string[] = [];

  private constructor(
    driver: Driver,
    setup: ConformanceSetup,
    host: Host & AsyncDisposable,
    spec: MachineSpec,
    at: At,
  ) {
    this.driver = driver;
    this.setup = setup;
    this.host = host;
    this.mode = setup.mode ?? "scripted";
    this.spec = spec;
    this.directory = at.directory;
    this.image = at.image;
    this.config = this.#configOf(spec);
  }

  static async open(driver: Driver, setup: ConformanceSetup): Promise<Bench> {
    return Bench.#on(await setup.host(), driver, setup);
  }

  /** A second machine on the same host, which stays when this bench is disposed. */
  beside(): Promise<Bench> {
    const { host } = this;
    const shared = new Proxy(host, {
      get(_, key) {
        if (key === Symbol.asyncDispose) return async () => {};
        const found: unknown = Reflect.get(host, key, host);
        return typeof found === "function" ? found.bind(host) : found;
      },
    });
    return Bench.#on(shared, this.driver, this.setup);
  }

  static async #on(host: Host & AsyncDisposable, driver: Driver, setup: ConformanceSetup): Promise<Bench> {
    const live = setup.mode === "live";
    const image = setup.image ?? (driver.traits.image === "none" || live ? undefined : await standInImage(host));
    const id = randomUUID();
    const name = `conf-${id.slice(0, 8)}`;
    const directory = live
      ? await mkdtemp(join(tmpdir(), "mk-conformance-"))
      : `${host.homeDirectory}/.mk/machines/${name}`;
    await host.files.makeDirectory(directory);
    const spec: MachineSpec = {
      name,
      id,
      cpus: 2,
      memoryMiB: 1024,
      diskMiB: 2048,
      arch: hostArch(host),
      mounts: [],
      ports: [],
      ...(image !== undefined && { imageDigest: image.digest }),
      ...setup.spec,
    };
    const bench = new Bench(driver, setup, host, spec, { directory, image });
    bench.before = await bench.inventory();
    return bench;
  }

  get scripted(): ScriptedHost {
    if (this.host instanceof ScriptedHost) return this.host;
    throw new TypeError("this test needs a scripted host");
  }

  /** Other settings and the config they lead to, as core has them when it calls `reconfigure`. */
  respecify(changes: Partial<MachineSpec>): void {
    this.spec = { ...this.spec, ...changes };
    this.config = this.#configOf(this.spec);
  }

  #configOf(spec: MachineSpec): unknown {
    return this.parseConfig(this.driver.createConfig(spec, this.#options));
  }

  get #options(): Readonly<Record<string, unknown>> {
    return driverOptions(this.driver, this.setup.options);
  }

  /** Asks the driver whether it can work here, as core does before it makes this machine. */
  status(signal: AbortSignal, host: Host = this.host): Promise<DriverStatus> {
    return this.driver.status(host, signal, { arch: this.spec.arch, options: this.#options });
  }

  parseConfig(raw: unknown): unknown {
    return this.driver.parseConfig(JSON.parse(JSON.stringify(raw)));
  }

  /** A new handle, as another mk process would open it: nothing is shared but what core persisted. */
  async handle(): Promise<Machine> {
    const machine = await this.driver.createDriver(this.parseConfig(this.config), this.context());
    this.#handles.push(machine);
    return machine;
  }

  context(): MachineContext {
    const { spec, image } = this;
    return {
      name: spec.name,
      id: spec.id,
      directory: this.directory,
      host: disturbedHost(this.host, async (call) => this.#disturb?.(call)),
      spec,
      image: async () => {
        if (image === undefined) throw new TypeError(`driver ${this.driver.name} boots no image`);
        return image;
      },
      seed: async ({ addresses = [] } = {}) => seedFiles(spec, addresses),
      record: {
        read: async () => (this.record === undefined ? undefined : JSON.parse(this.record)),
        write: async (value) => {
          await this.#disturb?.({ name: "record.write", subject: "record", args: [value], signal: undefined });
          this.recorded.push(value);
          this.record = JSON.stringify(value);
        },
      },
    };
  }

  /** From now on this is called before each call that a handle makes to its host; undefined ends it. */
  disturb(disturb: Disturb | undefined): void {
    this.#disturb = disturb;
  }

  /** Runs an operation to its end, whichever it is. */
  run<T>(work: (op: Operation) => Promise<T>, options: RunOptions = {}): Promise<Outcome<T>> {
    return runOperation(work, this.mode === "live" ? { hangMs: LIVE_MS, ...options } : options);
  }

  /** Runs an operation that must succeed. */
  async call<T>(work: (op: Operation) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { result } = await this.run(work, options);
    if (!result.ok) throw result.error;
    return result.value;
  }

  /** The state, read through a handle of its own. */
  async inspect(machine?: Machine): Promise<MachineStatus> {
    const asked = machine ?? (await this.handle());
    return this.call((op) => asked.inspect(op), { readOnly: true });
  }

  async state(machine?: Machine): Promise<MachineState> {
    return (await this.inspect(machine)).state;
  }

  /** Brings the machine into a state by the contract's own operations; returns the handle that did it. */
  async reach(state: Reachable): Promise<Machine> {
    const machine = await this.handle();
    if (state === "absent") return machine;
    await this.call((op) => machine.create(op));
    const created = await this.state(machine);
    if (state === "stopped") {
      if (created !== "stopped") await this.call((op) => machine.kill(op));
      return machine;
    }
    if (created !== "running") await this.call((op) => machine.start(op));
    await this.untilReady();
    if (state === "paused") await this.call((op) => ability(machine.suspension, "suspension").pause(op));
    if (state === "saved") await this.call((op) => ability(machine.hibernation, "hibernation").save(op));
    return machine;
  }

  async untilReady(): Promise<void> {
    const signal = AbortSignal.timeout(LIVE_MS);
    if (this.setup.ready !== undefined) await this.setup.ready(this, signal);
    else if (this.mode === "live") await untilReady(this, signal);
  }

  /** What exists on the host apart from the machine's own directory, which is core's to remove. */
  async inventory(): Promise<readonly string[]> {
    const seen = this.host instanceof ScriptedHost ? this.host.inventory() : [];
    const more = (await this.setup.inventory?.(this.host)) ?? [];
    const others = [this.directory, ...(this.setup.changedByHost ?? [])];
    return [...seen.filter((line) => !others.some((path) => line.includes(path))), ...more].sort();
  }

  /** What is there now that was not when the bench was opened, and the other way round. */
  async leftovers(): Promise<{ readonly left: readonly string[]; readonly gone: readonly string[] }> {
    const now = await this.inventory();
    const { before } = this;
    return { left: now.filter((line) => !before.includes(line)), gone: before.filter((line) => !now.includes(line)) };
  }

  /** Closes every handle of this bench. */
  async closeAll(): Promise<void> {
    for (const machine of this.#handles.splice(0)) await machine.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disturb(undefined);
    const machine = await this.handle();
    await this.run((op) => machine.remove(op));
    await this.closeAll();
    if (this.mode === "live") await rm(this.directory, { recursive: true, force: true });
    await this.host[Symbol.asyncDispose]();
  }
}

interface At {
  readonly directory: string;
  readonly image: GuestImage | undefined;
}

/** States to which the contract's operations lead. */
export type Reachable = Extract<MachineState, "absent" | "stopped" | "running" | "paused" | "saved">;

/** An optional ability that the caller knows to be there. */
export function ability<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new TypeError(`the driver has no ${name}`);
  return found;
}
