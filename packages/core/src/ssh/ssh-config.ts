import { MkError } from "../errors.js";
import { quoteForShell } from "./quote-for-shell.js";
import { hostKeyAlias, type SshTarget } from "./ssh-target.js";

/**
 * The text of a file for `ssh -F`: the machine as `<name>` and `mk-<name>`, with its own key and its own known_hosts, strict as mk itself
 * is. Source of the options: ssh_config(5).
 */
export function sshConfig(target: SshTarget): string {
  const alias = hostKeyAlias(target.machine);
  const lines = [
    ["HostName", quoteValue(target.host)],
    ["Port", String(target.port)],
    ["User", quoteValue(target.user)],
    ...settings(target),
  ].map(([key, value]) => `  ${key} ${value}`);
  return `${[`Host ${target.machine} ${alias}`, ...lines].join("\n")}\n`;
}

/**
 * The argv that runs the system's `ssh` on the machine, for a terminal: a login shell, or this command. Nothing of the user's own SSH
 * configuration, agent or known_hosts is read or written. argv[0] is `ssh`.
 */
export function interactiveSshCommand(
  target: SshTarget,
  { command = [], tty, platform }: InteractiveOptions,
): readonly string[] {
  const noFile = platform === "win32" ? "none" : "/dev/null";
  const terminal = tty === undefined ? [] : [tty ? "-t" : "-T"];
  return [
    "ssh",
    "-F",
    noFile,
    ...settings(target).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
    ...terminal,
    "-p",
    String(target.port),
    "-l",
    target.user,
    "--",
    checkedHost(target.host),
    ...command.map(quoteForShell),
  ];
}

/** What a person's session in the machine runs, and on what computer the person sits. */
export interface InteractiveOptions {
  /** Default: the user's login shell. */
  readonly command?: readonly string[];
  /** Default: ssh's own: a terminal for a shell, none for a command. */
  readonly tty?: boolean;
  readonly platform: NodeJS.Platform;
}

function settings(target: SshTarget): readonly (readonly [string, string])[] {
  return [
    ["IdentityFile", quotePath(target.identityFile)],
    // The agent's keys would be tried first, and servers hang up after six (MaxAuthTries).
    ["IdentitiesOnly", "yes"],
    ["IdentityAgent", "none"],
    ["UserKnownHostsFile", quotePath(target.knownHostsFile)],
    ["GlobalKnownHostsFile", "none"],
    ["HostKeyAlias", hostKeyAlias(target.machine)],
    ["StrictHostKeyChecking", target.hostKey === "pinned" ? "yes" : "accept-new"],
    ["UpdateHostKeys", "no"],
    ["CheckHostIP", "no"],
    ["PreferredAuthentications", "publickey"],
    ["ForwardAgent", "no"],
    ["ControlPath", "none"],
    ["ConnectTimeout", "10"],
    ["ServerAliveInterval", "10"],
    ["LogLevel", "ERROR"],
  ];
}

/** Paths are split at blanks, and `%` begins a token. */
function quotePath(path: string): string {
  // ssh expands ${NAME} in paths, and nothing can be written that it would take for a literal "${".
  if (path.includes("${")) throw unfit(path);
  return quoteValue(path.replaceAll("%", "%%"));
}

/** A double-quoted argument; since OpenSSH 8.7 a backslash escapes the two characters that are special in it. */
function quoteValue(value: string): string {
  if (/[\r\n\0]/.test(value)) throw unfit(value);
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

function checkedHost(host: string): string {
  if (host === "" || host.startsWith("-") || /\s/.test(host)) throw unfit(host);
  return host;
}

function unfit(value: string): MkError {
  return new MkError("INVALID_ARGUMENT", `ssh cannot be told of ${JSON.stringify(value)}`, {
    hint: "Use a path without line breaks and '${'.",
  });
}
