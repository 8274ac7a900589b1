import type { GuestImage, Host, MachineSpec } from "@mk/core";
import type { Bench } from "./bench.js";

/** `scripted`: the host is a script that runs anywhere; `live`: this computer with the real tool. */
export type Mode = "scripted" | "live";

/** Tests of the kit that a driver is known to fail. */
export interface KnownFailures {
  /** Why, with the issue that tracks it. */
  readonly because: string;
  /** Full titles, as the report prints them. */
  readonly tests: readonly string[];
}

/** What a driver package tells the kit to have itself tested. */
export interface ConformanceSetup {
  /**
   * A fresh host for each test: scripted for unit runs, this computer for live runs. Everything the driver does goes
   * through it.
   */
  readonly host: () => Promise<Host & AsyncDisposable>;
  /** Values for the driver's options, on top of their defaults. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Settings of the test machines. Default: 2 CPUs, 1024 MiB, a data disk of 2048 MiB, the host's architecture. */
  readonly spec?: Partial<MachineSpec>;
  /** Runs as `test.fails`: an entry that starts to pass turns red, so the list cannot rot. There is no way to skip. */
  readonly known?: readonly KnownFailures[];
  /** Default `scripted`. `live` leaves out what only a scripted host can do: power cuts, faults at each call, hung tools. */
  readonly mode?: Mode;
  /** The driver's parsed package.json; its static metadata is proved against the driver. */
  readonly packageJson?: Readonly<Record<string, unknown>>;
  /** The guest image, for live runs. Default: small stand-in files on the scripted host. */
  readonly image?: GuestImage;
  /** What the driver can leave outside of files, processes and sockets: domains, networks, volumes, containers. */
  readonly inventory?: (host: Host) => Promise<readonly string[]>;
  /** Files that the host's own services change, such as the leases of its DHCP server: not counted as left behind. */
  readonly changedByHost?: readonly string[];
  /** Resolves when the guest heeds a shutdown. Default: live machines with a console print `mk-guest: ready`. */
  readonly ready?: (bench: Bench, signal: AbortSignal) => Promise<void>;
  /** Brings the host into the state that a status other than `ready` reports, by name: for example its service is stopped. */
  readonly unavailable?: Readonly<Record<string, () => Promise<Host & AsyncDisposable>>>;
  /** How a running machine gets into states that no operation of the contract leads to. */
  readonly reach?: Readonly<
    Partial<Record<"starting" | "stopping" | "broken" | "unknown" | "paused", (bench: Bench) => Promise<void>>>
  >;
}
