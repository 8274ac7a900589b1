import type { SettingChange, StartRequest } from "../api.js";
import type { Driver } from "../contract/driver.js";
import type { Machine } from "../contract/machine.js";
import type { MachineSpec } from "../contract/spec.js";
import { MkError } from "../errors.js";
import { checkOptions } from "../options/resolve-options.js";
import type { MachineConfig } from "../store/machine-config.js";
import { canonicalJson } from "../store/parse-json.js";

type Cost = SettingChange["cost"];

/** What an existing machine would have to become, and what each difference costs. */
export interface Plan {
  readonly changes: readonly SettingChange[];
  readonly spec: MachineSpec;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface PlanInput {
  readonly config: MachineConfig;
  readonly driver: Driver;
  readonly machine: Machine;
  /** The driver asked for, by its own name; the machine's when none was. */
  readonly driverName: string;
  readonly request: StartRequest;
  /** Whether there is something to restart: memory that was saved, too. */
  readonly running: boolean;
}

/** Compares a request with the machine there is. What the request leaves out does not change. INVALID_OPTION. */
export function planChanges({ config, driver, machine, driverName, request, running }: PlanInput): Plan {
  const { spec } = config.machine;
  const changes: SettingChange[] = [];
  const canChange = machine.reconfigure !== undefined;
  const cost = (wanted: Cost): Cost => {
    if (wanted === "data-loss") return wanted;
    if (!canChange) return "recreate";
    return wanted === "restart" && !running ? "live" : wanted;
  };
  const compare = (setting: string, from: unknown, to: unknown, wanted: Cost): void => {
    if (to === undefined || canonicalJson(from ?? null) === canonicalJson(to)) return;
    changes.push({ setting, from, to, cost: cost(wanted) });
  };

  compare("driver", config.driver.name, driverName, "data-loss");
  compare("cpus", spec.cpus, request.cpus, "restart");
  compare("memoryMiB", spec.memoryMiB, request.memoryMiB, "restart");
  // A disk can grow; what is cut off when it shrinks is lost.
  compare("diskMiB", spec.diskMiB, request.diskMiB, (request.diskMiB ?? 0) < spec.diskMiB ? "data-loss" : "restart");
  compare("arch", spec.arch, request.arch, "data-loss");
  compare("imageDigest", spec.imageDigest, request.imageDigest, "restart");
  compare("mounts", spec.mounts, request.mounts, "restart");
  compare("ports", spec.ports, request.ports, "restart");

  // Options of another driver mean nothing to this one: the new machine's creation checks them.
  const given = driverName === config.driver.name ? checkOptions(driver, request.options ?? {}) : {};
  for (const [key, value] of Object.entries(given)) {
    const declared = driver.options[key];
    const before = changes.length;
    compare(`${driver.name}.${key}`, config.options[key], value, declared?.change ?? "recreate");
    const change = changes[before];
    if (declared?.secret === true && change !== undefined)
      changes[before] = { ...change, from: "[secret]", to: "[secret]" };
  }
  return { changes, spec: mergeSpec(spec, request), options: { ...config.options, ...given } };
}

/** MACHINE_SETTINGS listing each change and the flag that allows it, unless all are allowed. */
export function assertAllowed(
  name: string,
  changes: readonly SettingChange[],
  allow: StartRequest["allow"] = "live",
): void {
  const refused = changes.filter((change) => rank(change.cost) > rank(allow));
  if (refused.length === 0) return;
  const lines = refused.map(
    ({ setting, from, to, cost }) => `  ${setting}: ${show(from)} -> ${show(to)}: ${COSTS[cost].text}`,
  );
  const flags = new Set(refused.map(({ cost }) => COSTS[cost].flag));
  const flag = flags.has("--allow=recreate") ? "--allow=recreate" : "--allow=restart";
  throw new MkError(
    "MACHINE_SETTINGS",
    `machine ${JSON.stringify(name)} exists with other settings:\n${lines.join("\n")}`,
    {
      hint: `Leave these settings out to start the machine as it is, or give ${flag}.`,
      details: { changes: refused },
    },
  );
}

const COSTS: Readonly<Record<Cost, { readonly text: string; readonly flag: string }>> = {
  live: { text: "nothing", flag: "--allow=live" },
  restart: { text: "needs a restart (--allow=restart)", flag: "--allow=restart" },
  recreate: { text: "needs a new machine, whose disk is empty (--allow=recreate)", flag: "--allow=recreate" },
  "data-loss": { text: "loses all data in the machine (--allow=recreate)", flag: "--allow=recreate" },
};

function rank(cost: Cost): number {
  return cost === "live" ? 0 : cost === "restart" ? 1 : 2;
}

function show(value: unknown): string {
  return value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);
}

function mergeSpec(
  spec: MachineSpec,
  { cpus, memoryMiB, diskMiB, arch, imageDigest, mounts, ports }: StartRequest,
): MachineSpec {
  return {
    ...spec,
    ...(cpus !== undefined && { cpus }),
    ...(memoryMiB !== undefined && { memoryMiB }),
    ...(diskMiB !== undefined && { diskMiB }),
    ...(arch !== undefined && { arch }),
    ...(imageDigest !== undefined && { imageDigest }),
    ...(mounts !== undefined && { mounts }),
    ...(ports !== undefined && { ports }),
  };
}
