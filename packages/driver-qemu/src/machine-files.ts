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
  // Windows takes slashes too, and so does QEMU there.
  const inside = (name: string) => `${context.directory}/${name}`;
  return {
    data: inside(`data.${config.diskFormat}`),
    initrd: inside("initrd.img"),
    serialLog: inside("serial.log"),
    qemuLog: inside("qemu.log"),
  };
}

/** Names in a run directory: at most 12 characters, so that sockets fit in their addresses. */
export interface RunFiles {
  readonly pid: string;
  /** A third monitor that only writes: its greeting says that the other two listen. */
  readonly ready: string;
  /** The key of monitors that listen on TCP, in the form of GnuTLS. */
  readonly keys: string;
}

export function runFiles(directory: string): RunFiles {
  return { pid: `${directory}/pid`, ready: `${directory}/ready`, keys: `${directory}/keys.psk` };
}
