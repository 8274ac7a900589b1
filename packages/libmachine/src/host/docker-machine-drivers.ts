import type { DriverEntry } from "@mk/core";
import { loadExternalDriver } from "./load-external-driver.js";
import type { PluginProgram } from "./plugin-process.js";

/** Drivers that have no program of their own: docker-machine's binary serves them when it is started as a plugin. */
export const DOCKER_MACHINE_DRIVERS = [
  "amazonec2",
  "azure",
  "digitalocean",
  "exoscale",
  "generic",
  "google",
  "hyperv",
  "none",
  "openstack",
  "rackspace",
  "softlayer",
  "virtualbox",
  "vmwarefusion",
  "vmwarevcloudair",
  "vmwarevsphere",
] as const;

/** The entry of a driver that a program serves. Nothing is started before it is loaded. */
export function externalDriverEntry(program: PluginProgram): DriverEntry {
  return {
    name: program.name,
    aliases: [],
    builtin: false,
    origin: program.path,
    load: (signal) => loadExternalDriver(program, signal),
  };
}

/** Entries of docker-machine's own drivers. `path` is the absolute path of its binary. */
export function dockerMachineDrivers(path: string): readonly DriverEntry[] {
  return DOCKER_MACHINE_DRIVERS.map((name) => externalDriverEntry({ name, path }));
}
