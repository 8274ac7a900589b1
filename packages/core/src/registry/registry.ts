import { raceAbort } from "../abort/race-abort.js";
import type { Driver } from "../contract/driver.js";
import { MkError } from "../errors.js";
import { checkDriver } from "./check-driver.js";
import { isDriverName } from "./driver-name.js";
import type { DriverEntry, SkippedDriver } from "./entry.js";
import { unknownDriver } from "./unknown-driver.js";

/** The drivers that can be named. Names and aliases are unique over all of them. */
export interface Registry {
  /** All entries by name. */
  readonly entries: readonly DriverEntry[];
  readonly skipped: readonly SkippedDriver[];
  /**
   * Adds entries: all of them or, when any breaks a rule, none. DRIVER_INVALID for a name or alias that is malformed or taken, by an
   * entry registered before or by another of the same call.
   */
  register(...entries: readonly DriverEntry[]): void;
  /** The entry of this name, else of this alias. */
  find(name: string): DriverEntry | undefined;
  /** As `find`, but DRIVER_UNKNOWN, DRIVER_MISSING, DRIVER_UNSUPPORTED or DRIVER_INVALID, each with what to do, when there is none. */
  resolve(name: string): DriverEntry;
  /**
   * Loads the driver of this name or alias; one load per entry however often it is asked for. Errors as `resolve` and `checkDriver`, and the
   * signal's reason.
   */
  load(name: string, signal: AbortSignal): Promise<Driver>;
}

/** What discovery found. */
export interface RegistryInit {
  readonly found?: readonly DriverEntry[];
  readonly skipped?: readonly SkippedDriver[];
}

/** A registry of what discovery found. It needs no code of any driver. */
export function createRegistry({ found = [], skipped = [] }: RegistryInit = {}): Registry {
  const byName = new Map<string, DriverEntry>();
  const byAlias = new Map<string, DriverEntry>();
  const loads = new Map<DriverEntry, { readonly driver: Promise<Driver>; readonly signal: AbortSignal }>();

  const registry: Registry = {
    get entries() {
      return [...byName.values()].sort((a, b) => compare(a.name, b.name));
    },
    skipped: [...skipped].sort((a, b) => compare(a.name, b.name) || compare(a.origin, b.origin)),
    register(...entries) {
      // Everything is checked before anything is stored, so that a bad alias leaves no half registration behind.
      const taken = new Map<string, DriverEntry>([...byAlias, ...byName]);
      for (const entry of entries) {
        for (const name of [entry.name, ...entry.aliases]) {
          if (!isDriverName(name)) throw invalid(entry, `has the name ${JSON.stringify(name)}, which is not allowed`);
          const owner = taken.get(name);
          if (owner !== undefined) throw invalid(entry, `takes the name ${name}, which belongs to ${owner.origin}`);
          taken.set(name, entry);
        }
      }
      for (const entry of entries) {
        byName.set(entry.name, entry);
        for (const alias of entry.aliases) byAlias.set(alias, entry);
      }
    },
    find: (name) => byName.get(name) ?? byAlias.get(name),
    resolve(name) {
      const entry = registry.find(name);
      if (entry === undefined) throw unknownDriver(name, registry);
      return entry;
    },
    async load(name, signal) {
      const entry = registry.resolve(name);
      for (;;) {
        signal.throwIfAborted();
        const shared = loads.get(entry);
        const load = shared ?? begin(entry, signal);
        try {
          // Raced: an import that hangs takes no signal.
          return await raceAbort(load.driver, signal);
        } catch (cause) {
          // Another caller's abort must not end this caller's load: begin again with our own signal.
          if (shared === undefined || !shared.signal.aborted) throw cause;
        }
      }
    },
  };
  registry.register(...found);
  return registry;

  function begin(entry: DriverEntry, signal: AbortSignal) {
    const driver = entry.load(signal).then((value) => checkDriver(value, { name: entry.name, origin: entry.origin }));
    const load = { driver, signal };
    loads.set(entry, load);
    driver.catch(() => loads.delete(entry));
    return load;
  }
}

function invalid(entry: DriverEntry, what: string): MkError {
  return new MkError("DRIVER_INVALID", `driver ${entry.origin} ${what}`, { hint: "Remove one of the two packages." });
}

/** Code-unit order: the same on every machine, whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
