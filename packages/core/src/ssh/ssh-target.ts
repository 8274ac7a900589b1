import { join } from "node:path";
import type { MachineAccess } from "../contract/status.js";

/** How to reach one machine's SSH server, with all defaults filled in. */
export interface SshTarget {
  /** The machine's name. */
  readonly machine: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absolute path of the private key. */
  readonly identityFile: string;
  /** The machine's own known_hosts: nobody's but mk's. */
  readonly knownHostsFile: string;
  readonly hostKey: "pinned" | "first-use";
}

/** The target for a machine whose directory this is. */
export function sshTarget(
  access: Extract<MachineAccess, { via: "ssh" }>,
  machine: { readonly name: string; readonly directory: string },
): SshTarget {
  return {
    machine: machine.name,
    host: access.host,
    port: access.port,
    user: access.user,
    identityFile: access.identityFile ?? join(machine.directory, "id_ed25519"),
    knownHostsFile: join(machine.directory, "known_hosts"),
    hostKey: access.hostKey,
  };
}

/** The name under which a machine's host key is known: addresses and ports change from start to start. */
export function hostKeyAlias(machine: string): string {
  return `mk-${machine}`;
}
