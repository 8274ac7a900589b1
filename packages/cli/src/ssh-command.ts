import { join } from "node:path";
import type { MachineAccess } from "@mk/core";

type SshAccess = Extract<MachineAccess, { via: "ssh" }>;

/** OpenSSH options by which a machine is reached as strictly as mk reaches it: its key alone, its host key alone, no agent, no user config. */
export function sshOptions(access: SshAccess, directory: string): readonly (readonly [name: string, value: string])[] {
  return [
    ["HostName", access.host],
    ["Port", String(access.port)],
    ["User", access.user],
    ["IdentityFile", quote(access.identityFile ?? join(directory, "id_ed25519"))],
    ["IdentitiesOnly", "yes"],
    ["IdentityAgent", "none"],
    ["UserKnownHostsFile", quote(join(directory, "known_hosts"))],
    ["GlobalKnownHostsFile", "/dev/null"],
    ["StrictHostKeyChecking", access.hostKey === "pinned" ? "yes" : "accept-new"],
    ["PasswordAuthentication", "no"],
    ["LogLevel", "ERROR"],
  ];
}

/** ssh(1) reads option values as its configuration file's: quotes keep spaces, `%` begins a token. */
function quote(path: string): string {
  return `"${path.replaceAll("%", "%%").replaceAll('"', '\\"')}"`;
}

/** The arguments of `ssh`; `-F none` keeps the user's own configuration out. */
export function sshArguments(
  access: SshAccess,
  directory: string,
  options: { readonly tty: boolean; readonly command?: string },
): readonly string[] {
  const settings = sshOptions(access, directory).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const tail = options.command === undefined ? [] : [options.command];
  return ["-F", "none", ...settings, options.tty ? "-tt" : "-T", "--", access.host, ...tail];
}
