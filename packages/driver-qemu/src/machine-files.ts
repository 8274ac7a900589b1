import type { MachineContext } from "@mk/core";
import type { QemuConfig } from "./config.js";

/** Where the machine's own files are. */
export interface MachineFiles {
  readonly data: string;
  /** Seed and initramfs, written at each start. */
  readonly initrd: string;
  readonly serialLog: string;
  /** What QEMU wrote to its standard output and error at the last start. */
  readonly qemuLog: string;
}

export function machineFiles(context: MachineContext, config: QemuConfig): MachineFiles {
  const inside = (name: string) => joinPath(context, name);
  return {
    data: inside(`data.${config.diskFormat}`),
    initrd: inside("initrd.img"),
    serialLog: inside("serial.log"),
    qemuLog: inside("qemu.log"),
  };
}

/** Names in a run directory: at most 12 characters, so that sockets fit in their addresses. */
export interface RunFiles {
  /** QMP for operations, used under the machine's lock. */
  readonly commands: string;
  /** QMP for `inspect`, which takes no lock: QEMU talks to one client a socket. */
  readonly queries: string;
  readonly pid: string;
  /** A third monitor that only writes: its greeting says that both sockets listen. */
  readonly ready: string;
}

export function runFiles(directory: string): RunFiles {
  return {
    commands: `${directory}/qmp`,
    queries: `${directory}/query`,
    pid: `${directory}/pid`,
    ready: `${directory}/ready`,
  };
}

function joinPath(context: MachineContext, name: string): string {
  return `${context.directory}${context.host.platform === "win32" ? "\\" : "/"}${name}`;
}
