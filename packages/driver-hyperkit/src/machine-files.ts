import type { MachineContext } from "@mk/core";

/** Names within the machine's directory: HyperKit runs there, so that no path of the user's reaches its comma-separated arguments. */
export const names = {
  data: "data.img",
  initrd: "initrd.img",
  pidFile: "hyperkit.pid",
  /** HyperKit writes the name of the pseudo terminal of the serial port into it, once every device is set up. */
  terminal: "tty",
  consoleRing: "console-ring",
  log: "hyperkit.log",
} as const;

export type MachineFiles = { readonly [Key in keyof typeof names]: string };

/** The machine's files by their absolute paths. */
export function machineFiles({ directory }: Pick<MachineContext, "directory">): MachineFiles {
  const entries = Object.entries(names).map(([key, name]) => [key, `${directory}/${name}`]);
  return Object.fromEntries(entries) as MachineFiles;
}

/** The files that one run of HyperKit makes and the next must not find: its pid file is opened with O_EXCL. */
export const runFiles = (files: MachineFiles) => [files.pidFile, files.terminal, files.consoleRing];
