import { randomBytes } from "node:crypto";
import type { Host, PortLease } from "@mk/core";
import { runFiles } from "./machine-files.js";

/** TCP ports of the two monitors, where there are no Unix sockets. */
export interface MonitorPorts {
  readonly commands: number;
  readonly queries: number;
}

/** What tells where the monitors of a run are; part of the record. */
export interface RunPlace {
  /** Where its sockets and its pid file are: the user's run directory may be another one in the next session. */
  readonly directory: string;
  readonly monitorPorts?: MonitorPorts;
}

/** A Unix socket, or a loopback port that lets in only those who know the key. */
export type MonitorAddress = { readonly path: string } | { readonly port: number; readonly keyFile: string };

export interface Monitors {
  /** For operations, used under the machine's lock. */
  readonly commands: MonitorAddress;
  /** For `inspect`, which takes no lock: QEMU talks to one client at a time. */
  readonly queries: MonitorAddress;
}

export function monitorsOf({ directory, monitorPorts }: RunPlace): Monitors {
  if (monitorPorts === undefined)
    return { commands: { path: `${directory}/qmp` }, queries: { path: `${directory}/query` } };
  const keyFile = runFiles(directory).keys;
  return {
    commands: { port: monitorPorts.commands, keyFile },
    queries: { port: monitorPorts.queries, keyFile },
  };
}

/** Every file that a run leaves in its directory. */
export function runPaths(directory: string): readonly string[] {
  const sockets = Object.values(monitorsOf({ directory })).flatMap((address) =>
    "path" in address ? [address.path] : [],
  );
  return [...Object.values(runFiles(directory)), ...sockets];
}

/**
 * Makes the place for the next run. Node.js has no Unix sockets on Windows: there the monitors listen on loopback ports, which every user
 * of the computer reaches, so they speak TLS with a key that is new at each start and that only this user can read.
 */
export async function makeRunPlace(
  host: Host,
  id: string,
): Promise<{ readonly place: RunPlace; readonly leases: readonly PortLease[] }> {
  const directory = await host.runDirectory(id);
  if (host.platform !== "win32") return { place: { directory }, leases: [] };
  const commands = await host.network.leasePort();
  const queries = await host.network.leasePort();
  const key = randomBytes(32).toString("hex");
  await host.files.write(runFiles(directory).keys, `${KEY_OWNER}:${key}\n`, { mode: 0o600 });
  return {
    place: { directory, monitorPorts: { commands: commands.port, queries: queries.port } },
    leases: [commands, queries],
  };
}

/** The identity of the one key there is. */
export const KEY_OWNER = "mk";
