import { relative } from "node:path/posix";
import { type GuestImage, MkError } from "@mk/core";
import type { HyperkitConfig } from "./config.js";
import { names } from "./machine-files.js";

export interface Launch {
  readonly config: HyperkitConfig;
  /** The machine's UUID. vmnet derives the MAC address from it. */
  readonly id: string;
  /** Where HyperKit is started: paths are given relative to it. */
  readonly directory: string;
  readonly image: Pick<GuestImage, "kernel" | "root">;
  /** Kernel command line. */
  readonly cmdline: string;
}

/**
 * HyperKit's arguments for a machine, to be run in the machine's directory.
 *
 * Its device and firmware arguments are separated by commas that nothing can escape (`firmware_parse`, `blockif_open`).
 * Names of ours have none, and paths are relative, so that a comma in the user's home is not among them; INVALID_ARGUMENT
 * when one is left. The kernel command line may have commas: it is what follows the third.
 *
 * Slots and their order are the guest's hardware: the root is its first virtio disk, the data disk its second.
 */
export function commandLine({ config, id, directory, image, cmdline }: Launch): readonly string[] {
  const kernel = withoutComma(relative(directory, image.kernel));
  const root = withoutComma(relative(directory, image.root));
  return [
    // ACPI tables: without them there is no power button. The RTC is in UTC, as the guest reads it.
    ...["-A", "-u"],
    ...["-F", names.pidFile],
    ...["-c", String(config.cpus)],
    ...["-m", `${config.memoryMiB}M`],
    ...["-U", id],
    ...device(0, "hostbridge"),
    ...device(1, "virtio-net"),
    ...device(2, `virtio-blk,${root},ro`),
    ...device(3, `virtio-blk,${names.data}`),
    ...device(4, "virtio-rnd"),
    ...device(31, "lpc"),
    ...["-l", `com1,autopty=${names.terminal},log=${names.consoleRing}`],
    ...config.extraArgs,
    ...["-f", `kexec,${kernel},${names.initrd},${cmdline}`],
  ];
}

/**
 * Arguments that make HyperKit create an empty VM and a vmnet interface for this UUID, print the interface's MAC address
 * and end. The firmware must be named and is not read.
 */
export function macCommandLine(id: string): readonly string[] {
  return [
    ...["-M", "-A", "-m", "64M", "-U", id],
    ...device(0, "hostbridge"),
    ...device(1, "virtio-net"),
    ...device(31, "lpc"),
    ...["-f", "kexec,/dev/null"],
  ];
}

function device(slot: number, emulation: string): readonly string[] {
  return ["-s", `${slot}:0,${emulation}`];
}

function withoutComma(path: string): string {
  if (!path.includes(",")) return path;
  throw new MkError("INVALID_ARGUMENT", `HyperKit cannot open ${JSON.stringify(path)}: it takes no comma in a path`, {
    hint: "Move mk's home, with its image cache, to a path without a comma.",
    details: { path },
  });
}
