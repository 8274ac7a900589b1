import type { GuestArch } from "@mk/core";
import type { DiskFormat } from "@mk/vm";
import type { Accelerator } from "./accelerator.js";
import type { QemuConfig } from "./config.js";
import { runFiles } from "./machine-files.js";
import type { MonitorAddress, Monitors } from "./monitor-address.js";
import { optionList } from "./option-value.js";

/** All that decides one QEMU process. */
export interface Launch {
  readonly name: string;
  readonly id: string;
  readonly arch: GuestArch;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly accelerator: Accelerator;
  readonly cpu: string;
  readonly machineType: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The guest kernel's. */
  readonly cmdline: string;
  readonly root: string;
  readonly data: { readonly path: string; readonly format: DiskFormat; readonly cache: QemuConfig["diskCache"] };
  readonly macAddress: string;
  readonly serialLog: string;
  /** The run directory. */
  readonly directory: string;
  readonly monitors: Monitors;
  /** Confine QEMU by seccomp; Linux only. */
  readonly sandbox: boolean;
  readonly extraArgs: readonly string[];
}

/** The node name of the data disk, for `block_resize` and the like. */
export const DATA_NODE = "data";
/** The name of the network, for `hostfwd_add`. */
export const NETWORK = "net0";

/**
 * The arguments for `qemu-system-<arch>`. What holds a path or a name is JSON, is an argument of its own, or is escaped: none of them
 * can add an option. The machine is created stopped (`-S`): mk records the process and opens the ports before the guest's first
 * instruction.
 */
export function commandLine(launch: Launch): readonly string[] {
  return [
    // Nothing of QEMU's own choice: no default devices, no configuration files, no window.
    "-nodefaults",
    "-no-user-config",
    ...["-display", "none"],
    "-S",
    ...["-name", optionList(undefined, { guest: launch.name })],
    ...["-uuid", launch.id],
    ...["-machine", machine(launch)],
    ...["-accel", accelerator(launch.accelerator)],
    ...["-cpu", launch.cpu],
    ...["-smp", optionList(String(launch.cpus), { sockets: 1, cores: launch.cpus, threads: 1 })],
    ...["-m", optionList(undefined, { size: `${launch.memoryMiB}M` })],
    ...["-rtc", "base=utc,clock=host"],
    ...["-pidfile", runFiles(launch.directory).pid],
    ...(launch.sandbox ? ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"] : []),
    ...monitors(launch),
    ...["-chardev", optionList("file", { id: "serial0", path: launch.serialLog })],
    ...["-serial", "chardev:serial0"],
    ...["-kernel", launch.kernel],
    ...["-initrd", launch.initrd],
    ...["-append", launch.cmdline],
    ...disks(launch),
    ...["-netdev", optionList("user", { id: NETWORK })],
    // Without romfile the firmware would load a network boot ROM first.
    ...json("-device", { driver: "virtio-net-pci", id: "nic0", netdev: NETWORK, mac: launch.macAddress, romfile: "" }),
    ...json("-object", { "qom-type": "rng-builtin", id: "rng0" }),
    ...json("-device", { driver: "virtio-rng-pci", id: "rng", rng: "rng0" }),
    // A new GUID at each start makes the guest's kernel reseed its random numbers; the virt machine of QEMU 7.2 lacks the device.
    ...(launch.arch === "amd64" ? json("-device", { driver: "vmgenid", id: "genid", guid: "auto" }) : []),
    ...launch.extraArgs,
  ];
}

function machine(launch: Launch): string {
  const type = launch.machineType;
  switch (launch.arch) {
    case "amd64":
      // Neither is of use to the guest; system management mode costs time at each boot. `graphics=off` would make the firmware write to
      // the serial port, before the guest's first line.
      return optionList(type, { vmport: "off", smm: "off" });
    case "arm64":
      return optionList(type, { "gic-version": launch.accelerator === "tcg" ? "3" : "max" });
    default:
      return launch.arch satisfies never;
  }
}

function accelerator(name: Accelerator): string {
  // QEMU's own interrupt controller does not work with Windows' hypervisor.
  return name === "whpx" ? "whpx,kernel-irqchip=off" : name;
}

/** The two monitors and the file that tells when they listen. */
function monitors({ directory, monitors: { commands, queries } }: Launch): readonly string[] {
  const needsKey = [commands, queries].some((address) => "port" in address);
  return [
    ...(needsKey ? json("-object", { "qom-type": "tls-creds-psk", id: KEYS, dir: directory, endpoint: "server" }) : []),
    ...monitor("commands", commands),
    ...monitor("queries", queries),
    ...["-chardev", optionList("file", { id: "ready", path: runFiles(directory).ready })],
    ...["-mon", "chardev=ready,mode=control"],
  ];
}

const KEYS = "keys";

function monitor(id: string, address: MonitorAddress): readonly string[] {
  const where =
    "path" in address
      ? optionList("socket", { id, path: address.path })
      : optionList("socket", { id, host: "127.0.0.1", port: address.port, "tls-creds": KEYS });
  return ["-chardev", `${where},server=on,wait=off`, "-mon", `chardev=${id},mode=control`];
}

/** The root is the first virtio disk, the data disk the second: their order on the bus is the order here. */
function disks({ root, data }: Launch): readonly string[] {
  const direct = data.cache === "none" || data.cache === "directsync";
  return [
    ...json("-blockdev", {
      driver: "raw",
      "node-name": "root",
      "read-only": true,
      file: { driver: "file", filename: root, "read-only": true },
    }),
    ...json("-device", { driver: "virtio-blk-pci", id: "root-disk", drive: "root", serial: "mk-root" }),
    ...json("-blockdev", {
      driver: data.format,
      "node-name": DATA_NODE,
      cache: { direct, "no-flush": data.cache === "unsafe" },
      discard: "unmap",
      file: {
        driver: "file",
        filename: data.path,
        cache: { direct, "no-flush": data.cache === "unsafe" },
        discard: "unmap",
      },
    }),
    ...json("-device", {
      driver: "virtio-blk-pci",
      id: "data-disk",
      drive: DATA_NODE,
      serial: "mk-data",
      "write-cache": data.cache === "directsync" ? "off" : "on",
      // A full host disk pauses the machine instead of giving the guest an error: it goes on once there is space.
      werror: "enospc",
      rerror: "report",
    }),
  ];
}

function json(option: string, value: Readonly<Record<string, unknown>>): readonly string[] {
  return [option, JSON.stringify(value)];
}
