import type { Host } from "./host.js";
import type { Machine } from "./machine.js";
import type { OptionSpecs, OptionValues } from "./options.js";
import type { GuestArch, GuestImage, MachineSpec, SeedFile } from "./spec.js";
import type { DriverStatus } from "./status.js";

/** Version of this contract. Discovery refuses drivers of another major. */
export const CONTRACT_VERSION = 1;

/** minikube's ladder. Only `default` and above are chosen automatically; what is below must be named. */
export type DriverPriority =
  | "highly-preferred"
  | "preferred"
  | "default"
  | "fallback"
  | "deprecated"
  | "discouraged"
  | "experimental"
  | "obsolete";

/** What core must know of every machine of a driver before it calls it. */
export interface DriverTraits {
  readonly isolation: "vm" | "container" | "none";
  /** Whether two machines may be created at once. */
  readonly parallel: boolean;
  /** Whether the driver's own code needs root, which the mk command gives to the process of an `external` one alone. */
  readonly privileged: boolean;
  /** What of the guest image the driver boots; `none` for machines that bring their own system. */
  readonly image: "vm" | "oci" | "none";
}

/** What core lends to a machine. */
export interface MachineContext {
  readonly name: string;
  /** The machine's UUID. */
  readonly id: string;
  /** Absolute path of the machine's own directory, 0700. Exists before `create` and until after `remove`. */
  readonly directory: string;
  readonly host: Host;
  /** The spec as last given: `reconfigure` reads changed settings here. */
  readonly spec: MachineSpec;
  /** The image with resolved paths; IMAGE_ABSENT when it was removed; TypeError for drivers with `traits.image: "none"`. */
  image(): Promise<GuestImage>;
  /**
   * The files that give the guest its identity: keys, hostname, TLS, daemon.json. Computed by core. `addresses`: IP addresses and names at
   * which the host will reach the guest, so that its TLS certificate is valid for them; it always is for loopback and the machine's name.
   * Where `endpoint(2376)` of the booted machine has another one, core gives the engine a certificate for that.
   */
  seed(options?: { readonly addresses?: readonly string[] }): Promise<readonly SeedFile[]>;
  /**
   * Facts the hypervisor cannot be asked for later, such as a process identity: plain JSON, written atomically. `read` answers undefined
   * when nothing was written. Never believed without a live proof.
   */
  readonly record: { read(): Promise<unknown>; write(value: unknown): Promise<void> };
}

/** The machine that is about to be made, as far as a driver's status can depend on it. */
export interface StatusRequest<O> {
  readonly arch: GuestArch;
  /** Validated, with defaults filled in. */
  readonly options: O;
}

/** Values in `C` are plain JSON. */
export interface DriverDefinition<O extends OptionSpecs, C> {
  /** Unique: `^[a-z][a-z0-9-]*$`, at most 32 characters. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line for `mk driver info`. */
  readonly summary: string;
  /** False for a plugin of docker-machine: never chosen automatically, and told to remove a machine without a kill before. Default true. */
  readonly builtin?: boolean;
  /** True: the mk command runs the driver in a process of its own; a program wraps it with `isolated` of @mk/libmachine. Default false. */
  readonly external?: boolean;
  readonly priority: DriverPriority;
  /** Whether `mk start` without `--driver` may choose it. Default true. */
  readonly autoSelect?: boolean;
  readonly traits: DriverTraits;
  readonly options: O;
  /**
   * Derived by trying, not by looking. Core gives each probe a deadline of its own. With `machine`, which core gives before it makes one
   * with a driver that was named: whether that machine can work here; else whether one of the host's own CPU with all defaults can.
   */
  status(host: Host, signal: AbortSignal, machine?: StatusRequest<OptionValues<O>>): Promise<DriverStatus>;
  /**
   * Pure: mk's hardware spec and validated options to the driver's own config, plain versioned JSON that core persists. Throws for what no
   * machine of the driver can have; core also calls it before there is an image, so that this costs no download.
   */
  createConfig(spec: MachineSpec, options: OptionValues<O>): C;
  /** Parses and migrates what this or an earlier version of the driver persisted. Pure. Throws MkError CONFIG_CORRUPT. */
  parseConfig(raw: unknown): C;
  /** A handle; touches nothing yet. */
  createDriver(config: C, context: MachineContext): Machine | Promise<Machine>;
}

/** A driver as core sees it: the types of options and config are erased. */
export interface Driver {
  readonly contract: typeof CONTRACT_VERSION;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly builtin: boolean;
  readonly external: boolean;
  readonly priority: DriverPriority;
  readonly autoSelect: boolean;
  readonly traits: DriverTraits;
  readonly options: OptionSpecs;
  status(
    host: Host,
    signal: AbortSignal,
    machine?: StatusRequest<Readonly<Record<string, unknown>>>,
  ): Promise<DriverStatus>;
  createConfig(spec: MachineSpec, options: Readonly<Record<string, unknown>>): unknown;
  parseConfig(raw: unknown): unknown;
  createDriver(config: unknown, context: MachineContext): Machine | Promise<Machine>;
}
