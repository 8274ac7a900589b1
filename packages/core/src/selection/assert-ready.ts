import type { Driver, StatusRequest } from "../contract/driver.js";
import { MkError } from "../errors.js";
import type { Registry } from "../registry/registry.js";
import { canonicalJson } from "../store/parse-json.js";
import { type ProbeOptions, probeDrivers } from "./probe.js";

/** Longer than in an automatic choice: no other driver waits for this one. */
const DEADLINE_MS = 30_000;

type Machine = StatusRequest<Readonly<Record<string, unknown>>>;

/** What drivers proved to be ready for in this process. What was not ready may have been mended since, and is asked again. */
export type ReadyFor = Set<string>;

/** How a driver and the machine it was asked for are kept in {@link ReadyFor}. */
export function readyKey({ name }: Pick<Driver, "name">, machine: Machine): string {
  return canonicalJson([name, machine.arch, machine.options]);
}

/**
 * Asks a driver that was named whether it can work here, unless that is known. DRIVER_UNAVAILABLE with its reason and fix when it cannot,
 * or does not answer in time.
 */
export async function assertReady(
  registry: Registry,
  driver: Driver,
  ready: ReadyFor,
  options: ProbeOptions & { readonly machine: Machine },
): Promise<void> {
  const key = readyKey(driver, options.machine);
  if (ready.has(key)) return;
  const [probe] = await probeDrivers(registry, [registry.resolve(driver.name)], {
    deadlineMs: DEADLINE_MS,
    ...options,
  });
  const status = probe?.status;
  if (status === undefined || status.status === "ready") return void ready.add(key);
  const repair = `mk doctor ${driver.name} --fix`;
  const fix = status.fix ?? "See what is wrong: mk doctor";
  throw new MkError("DRIVER_UNAVAILABLE", `driver ${driver.name} cannot work here: ${status.reason}`, {
    hint: status.packages === undefined ? fix : `${fix} Or let mk install it: ${repair}`,
    ...(status.docs !== undefined && { docs: status.docs }),
    details: { driver: driver.name, status },
  });
}
