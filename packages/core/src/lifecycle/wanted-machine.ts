import type { StartRequest } from "../api.js";
import type { Driver, StatusRequest } from "../contract/driver.js";
import { hostArch } from "../host/host-arch.js";
import { resolveOptions } from "../options/resolve-options.js";
import type { Registry } from "../registry/registry.js";
import type { WantedMachine } from "../store/intent.js";
import type { MachineConfig } from "../store/machine-config.js";
import type { Engine } from "./engine.js";

/** What would make a machine like this one. The image is left out: a new machine gets the newest. */
export function likeMachine({ machine: { spec }, driver, options }: MachineConfig): WantedMachine {
  const { cpus, memoryMiB, diskMiB, arch, mounts, ports } = spec;
  return { driver: driver.name, cpus, memoryMiB, diskMiB, arch, mounts, ports, options };
}

/** The same with what a request asks for: what it leaves out stays, but for the options of another driver, which mean nothing to this one. */
export function withRequest(wanted: WantedMachine, request: StartRequest, registry: Registry): WantedMachine {
  const { signal: _s, timeoutMs: _t, name: _n, allow: _a, onDispose: _o, ...asked } = request;
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const nameOf = (driver: string | undefined): string | undefined =>
    driver === undefined ? undefined : (registry.find(driver)?.name ?? driver);
  const sameDriver = asked.driver === undefined || nameOf(asked.driver) === nameOf(wanted.driver);
  return { ...wanted, ...given, options: { ...(sameDriver && wanted.options), ...asked.options } };
}

/** What the driver has to know to say whether it can make this machine here. INVALID_OPTION. */
export async function statusRequestFor(
  { host, userConfig }: Engine,
  driver: Driver,
  wanted: WantedMachine,
): Promise<StatusRequest<Record<string, unknown>>> {
  const { options } = await userConfig();
  return {
    arch: wanted.arch ?? hostArch(host),
    options: resolveOptions(driver, { given: wanted.options, env: host.env, config: options[driver.name] }),
  };
}
