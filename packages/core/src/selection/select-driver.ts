import type { Driver } from "../contract/driver.js";
import { MkError } from "../errors.js";
import type { Registry } from "../registry/registry.js";
import { byPreference, isAutomatic } from "./preference.js";
import { type Probe, type ProbeOptions, probeDrivers } from "./probe.js";

/** Where a driver's name can come from, strongest first. Empty text counts as not given. */
export interface DriverWishes {
  /** `--driver` or the API. */
  readonly requested?: string | undefined;
  /** `MK_DRIVER`. */
  readonly env?: string | undefined;
  /** `driver` of the user's config. */
  readonly configured?: string | undefined;
}

/** A driver that cannot be chosen, and what would change that. */
export interface RejectedDriver {
  readonly driver: string;
  readonly reason: string;
  readonly fix?: string;
}

/** The driver that was chosen, why, and what there was instead. */
export interface Selection {
  readonly driver: Driver;
  /** A phrase that explains the choice: `asked for by --driver`. */
  readonly why: string;
  /** Only an automatic choice may fall back to an alternate when the machine cannot be made. */
  readonly automatic: boolean;
  /** Others that could have been chosen, best first. Empty when the driver was named. */
  readonly alternates: readonly Driver[];
  readonly rejects: readonly RejectedDriver[];
}

/**
 * The driver for a machine. A named one is loaded and not probed: core does that before it makes a machine. Otherwise all installed
 * drivers are probed at once and the best that is ready wins. DRIVER_UNKNOWN and its kin for a name; NO_DRIVER listing every driver with its
 * reason when none is ready.
 */
export async function selectDriver(
  registry: Registry,
  wishes: DriverWishes,
  options: ProbeOptions,
): Promise<Selection> {
  const wish = chooseName(wishes);
  if (wish === undefined) return await selectAutomatically(registry, options);
  const driver = await registry.load(wish.name, options.signal);
  return { driver, why: wish.why, automatic: false, alternates: [], rejects: [] };
}

function chooseName(wishes: DriverWishes): { readonly name: string; readonly why: string } | undefined {
  if (wishes.requested) return { name: wishes.requested, why: "asked for" };
  if (wishes.env) return { name: wishes.env, why: "set by MK_DRIVER" };
  if (wishes.configured) return { name: wishes.configured, why: "set by mk config" };
  return undefined;
}

async function selectAutomatically(registry: Registry, options: ProbeOptions): Promise<Selection> {
  // Executables found on PATH are started only when they are named.
  const considered = registry.entries.filter((entry) => entry.builtin);
  const probes = await probeDrivers(registry, considered, options);
  const ready = probes
    .filter((probe) => probe.status.status === "ready" && probe.driver !== undefined && isAutomatic(probe.driver))
    .map((probe) => probe.driver as Driver)
    .sort(byPreference);
  const rejects = probes.flatMap((probe) => rejection(probe) ?? []);
  const [best, ...alternates] = ready;
  if (best === undefined) throw noDriver(registry, rejects);
  return { driver: best, why: explain(best, alternates), automatic: true, alternates, rejects };
}

function explain(best: Driver, alternates: readonly Driver[]): string {
  if (alternates.length === 0) return "the only driver that is ready here";
  return `${best.priority}, before ${alternates.map((driver) => driver.name).join(", ")}`;
}

function rejection({ entry, driver, status }: Probe): RejectedDriver | undefined {
  if (status.status !== "ready") {
    return { driver: entry.name, reason: status.reason, ...(status.fix !== undefined && { fix: status.fix }) };
  }
  if (driver === undefined || isAutomatic(driver)) return undefined;
  return {
    driver: entry.name,
    reason: "is used only when it is named",
    fix: `Name it: mk start --driver=${entry.name}`,
  };
}

/** One line for each driver, since which of them the user could bring to work is for the user to decide. */
function noDriver(registry: Registry, rejects: readonly RejectedDriver[]): MkError {
  const skipped = registry.skipped
    .filter((driver) => driver.kind !== "shadowed")
    .map(({ name, reason, fix }) => ({ driver: name, reason, ...(fix !== undefined && { fix }) }));
  const all = [...rejects, ...skipped];
  if (all.length === 0) {
    return new MkError("NO_DRIVER", "no driver is installed", {
      hint: "Install one, for example: mk driver add qemu",
      details: { drivers: [] },
    });
  }
  const lines = all.map(
    ({ driver, reason, fix }) => `  ${driver}: ${reason}${fix === undefined ? "" : `\n    ${fix}`}`,
  );
  return new MkError("NO_DRIVER", `no driver can run here:\n${lines.join("\n")}`, {
    hint: rejects.length === 0 ? "Install one, for example: mk driver add qemu" : "Repair one of them: mk doctor --fix",
    details: { drivers: all },
  });
}
