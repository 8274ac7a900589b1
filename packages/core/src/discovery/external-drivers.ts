import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { isDriverName } from "../registry/driver-name.js";
import { namesIn } from "./names-in.js";
import { distrust } from "./trust.js";

/** A `docker-machine-driver-<name>` executable, which has not been started. */
export interface ExternalDriver {
  readonly name: string;
  /** Absolute path of the executable. */
  readonly path: string;
  /** Why it must not be started, if so. */
  readonly distrusted?: string;
}

/** Drivers of docker-machine that have no program of their own: its binary serves them when it is started as a plugin. */
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

/**
 * `docker-machine-driver-<name>` executables in the absolute directories of PATH, the first of each name as a shell would find it. Empty
 * and relative entries mean the working directory and are left out. Where docker-machine itself is installed, its own drivers are there too.
 * Nothing is started.
 */
export function externalDrivers(path: string | undefined, uid: number | undefined): readonly ExternalDriver[] {
  const found = new Map<string, ExternalDriver>();
  const add = (name: string, executable: string): void => {
    if (found.has(name) || !isExecutable(executable)) return;
    const distrusted = distrust(executable, uid)?.reason;
    found.set(name, { name, path: executable, ...(distrusted !== undefined && { distrusted }) });
  };
  let dockerMachine: string | undefined;
  for (const directory of new Set((path ?? "").split(delimiter).filter(isAbsolute))) {
    for (const file of namesIn(directory)) {
      const name = /^docker-machine-driver-([^.]+)(?:\.exe)?$/.exec(file)?.[1];
      if (name !== undefined && isDriverName(name)) add(name, join(directory, file));
      if (/^docker-machine(?:\.exe)?$/.test(file)) dockerMachine ??= join(directory, file);
    }
  }
  if (dockerMachine !== undefined) for (const name of DOCKER_MACHINE_DRIVERS) add(name, dockerMachine);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
