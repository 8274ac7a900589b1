import type { Driver } from "../contract/driver.js";

/** Where a driver was found and what its manifest says, before any of its code is loaded. */
export interface DriverManifest {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly packageName: string;
  readonly version: string;
  /** Absolute path of the package, symlinks resolved. */
  readonly directory: string;
  /** Absolute path of the module whose default export is the driver. */
  readonly entry: string;
  /** Contract major the package was written for. */
  readonly api: number;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

/** One driver that can be named: `builtin` is one for mk, the others are programs `docker-machine-driver-<name>`. */
export interface DriverEntry {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly builtin: boolean;
  /** For people: a package with its version, or the path of an executable. */
  readonly origin: string;
  readonly manifest?: DriverManifest;
  /** Imports or starts what is needed; called for the chosen driver only, once (the registry caches it). */
  load(signal: AbortSignal): Promise<Driver>;
}

/** A driver that was found and is not used, with the reason. */
export interface SkippedDriver {
  readonly name: string;
  readonly origin: string;
  /** `unsupported`: another platform or contract; `invalid`: breaks the rules; `untrusted`: somebody else could change it; `shadowed`: found before. */
  readonly kind: "unsupported" | "invalid" | "untrusted" | "shadowed";
  /** Full sentence without the name: `needs darwin, this is linux`. */
  readonly reason: string;
  readonly fix?: string;
}
