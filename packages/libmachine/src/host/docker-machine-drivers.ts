import { DOCKER_MACHINE_DRIVERS, type DriverEntry } from "@mk/core";
import { loadExternalDriver } from "./load-external-driver.js";
import type { PluginProgram } from "./plugin-process.js";

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
