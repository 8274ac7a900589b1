import { ERROR_CODES } from "@mk/core";
import type { CAC, Command as CacCommand } from "cac";
import { COMMAND_GROUPS } from "../../src/cli.js";

// What the manual says beyond the declarations, once for docs/cli.md and the man pages. `Code` is between backquotes.

/** Variables that mk reads, beside those of driver options. */
export const ENVIRONMENT = [
  ["MK_HOME", "mk's own directory, absolute; `~/.mk` without it"],
  ["MK_PROFILE", "the machine commands work on when none is named; `mk` without it"],
  ["MK_DRIVER", "the driver of new machines"],
  ["MK_DRIVER_PATH", "directories searched for drivers before all others, separated as in PATH"],
  ["MK_ISOLATE", "drivers that run in a process of their own, as the setting `isolate` has them: `docker:root,qemu`"],
  ["MK_DEBIAN_MIRROR", "the Debian mirror guest images are built from"],
  ["MK_DEBUG", "set to anything: errors come with their stack and causes"],
  ["NO_COLOR", "set to anything: no colours (no-color.org)"],
  ["FORCE_COLOR", "colours even where the output is no terminal"],
  ["CI", "set to anything: progress line by line instead of live"],
] as const;

export const OPTION_VARIABLES =
  "Each option of a driver has a variable too: `mk start --driver=<name> --help` shows them. A flag wins over its variable, the variable over the setting.";

export const OUTPUT =
  "Results go to standard output; progress, notes and errors to standard error. With `--output json` a result is one JSON value, the events of an operation are " +
  'CloudEvents, one a line, and an error is one line `{"error": {…}}` on standard error. What `ssh`, `logs`, `completion` and `help` write is text in any case.';

export const EXIT =
  "`mk ssh` ends with the exit code of the command in the machine, and `mk status` with 0 only for a machine that runs. " +
  "A signal ends mk with 128 + its number: 130 for Ctrl-C, 143 for TERM. All other codes mean one of these errors:";

/** What a command does that its flags do not tell, by its declared name. */
export const DETAILS: Readonly<Record<string, readonly string[]>> = {
  start: [
    "A machine that runs as asked is left alone. Flags that differ from what an existing machine has are refused, each with what it would cost, " +
      "unless `--allow` says how far mk may go: `live` changes the running machine, `restart` stops it in between, `recreate` makes it anew with an empty disk.",
    "Without a driver mk tries all that are installed, takes the best that works here, and falls back to the next when that one fails. " +
      "The options of a driver are flags too: `--qemu-accelerator tcg` asks for the driver `qemu` and sets its option.",
    "The machine's engine uses the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name when the machine is powered on, except those on the host's own loopback, " +
      "which a machine cannot reach. Programs and containers in the machine are not told of them.",
    "The first start builds the guest image, which downloads about 130 MB from Debian. It ends when the container engine in the machine answers.",
  ],
  stop: ["The guest is asked to shut down; when it does not, its power is cut. The data stays."],
  delete: [
    "What the driver made goes too: disks, networks, volumes. It does not ask. With `--forget` only mk's own files go, and what the driver made may stay behind.",
  ],
  status: [
    "The state is read from the hypervisor at each call. The exit code is 0 only for a machine that runs, so that scripts can ask.",
  ],
  list: [
    "A machine whose files or driver are broken is listed with what is wrong and what to do. With `--quiet` only names are printed.",
  ],
  ssh: [
    "Without a command it is a login shell. What stands behind `--` goes to the machine word by word, with standard input, and its exit code comes back. " +
      "No shell reads it there: for a pipe write `mk ssh -- sh -c 'df | sort'`. In PowerShell the two dashes stand in quotes: `mk ssh \"--\" df`. " +
      "The host key was made by mk before the first boot and is checked at each connection.",
  ],
  cp: [
    "Either the sources or the target is in a machine: `machine:path`, or `:path` for the one of `--profile`. A path of the host that holds a colon begins with `./` or `/`. " +
      "Directories are copied whole; a target that ends with `/`, and that of several sources, is a directory to copy into. Modes are kept, and the times of files.",
  ],
  "port-forward": [
    "`8080:80` reaches port 80 of the machine at 127.0.0.1:8080; `80` means the same port on both sides, `0.0.0.0:8080:80` listens for the whole network.",
  ],
  env: [
    "The docker client then talks to the machine's engine. It changes only the shell that reads it. For fish: `mk env -s fish | source`; for PowerShell: `& mk env -s powershell | Invoke-Expression`.",
    "Where a proxy is set, the machine's address is added to NO_PROXY, or to `no_proxy` where that one is in use; `--unset` leaves it there.",
  ],
  "driver:list": ["Only package.json files are read: no driver runs. What was skipped is listed with the reason."],
  "driver:add": [
    "A name such as `qemu` stands for its package, `@mk/driver-qemu`; anything that npm can install will do. Install scripts never run, the lockfile is kept, " +
      "and a package that is not a driver for this mk is taken out again.",
  ],
  "driver:remove": ["Machines of a removed driver stay; they are listed with the command that brings it back."],
  "driver:update": [
    "A newer version that does not work with this mk is taken out again, and the earlier one put back. What was added from a file or a URL stays as it is: add it again.",
  ],
  "config:set": [
    "Settings are `driver`, `profile`, `cpus`, `memory`, `disk-size`, `driver-path`, `isolate`, and `<driver>.<option>` for an option of a driver. They count for new machines; flags and variables win over them.",
    "`isolate` names drivers, separated by commas, that run in a process of their own; `docker:root` runs that process, and nothing else of mk, by sudo.",
  ],
  "config:get": ["Prints nothing and ends with 1 for a setting that is not set."],
  "image:build": [
    "Kernel, initramfs, root and container image are made from Debian's signed packages, the same bytes each time, without root. `mk start` does it by itself when there is none.",
  ],
  "image:remove": ["The first characters of a digest are enough. Images that machines were made from stay."],
  doctor: [
    "Each driver is tried, not just looked for. The exit code is 0 when the named driver, or without a name any of them, is ready. " +
      "`--fix` installs what is missing through the system's package manager; it shows each command and asks before it runs.",
  ],
  completion: [
    "For fish: `mk completion fish | source`; for PowerShell: `mk completion powershell | Out-String | Invoke-Expression`. " +
      "Machines, drivers, settings and the options of the driver named on the line are completed too.",
  ],
};

/** Error codes with their exit code and meaning, by exit code. */
export function exitCodes(): readonly (readonly [exitCode: string, code: string, meaning: string])[] {
  return Object.entries(ERROR_CODES)
    .map(([code, { exitCode, meaning }]) => [String(exitCode), code, meaning] as const)
    .sort(([a], [b]) => Number(a) - Number(b));
}

/** The commands of each man page: one page for each first word, `driver` for all of `mk driver`. */
export function commandsByWord(cli: CAC): ReadonlyMap<string, readonly CacCommand[]> {
  const pages = new Map<string, CacCommand[]>();
  for (const command of cli.commands) {
    const word = command.name.replace(/:.*$/, "");
    pages.set(word, [...(pages.get(word) ?? []), command]);
  }
  return pages;
}

export function isGroup(word: string): boolean {
  return (COMMAND_GROUPS as readonly string[]).includes(word);
}

export function sentenceOf(command: CacCommand): string {
  const aliases = command.aliasNames.map((alias) => `\`mk ${alias.replace(":", " ")}\``);
  const also = aliases.length === 0 ? "" : ` Also ${aliases.join(", ")}.`;
  return `${command.description.charAt(0).toUpperCase()}${command.description.slice(1)}.${also}`;
}
