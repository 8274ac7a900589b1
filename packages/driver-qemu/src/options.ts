import type { OptionSpecs, OptionValues } from "@mk/core";

/** The driver's own options: `--qemu-<kebab-case>` on the command line. */
export const options = {
  accelerator: {
    type: "string",
    describe: "what runs the guest's instructions; auto takes what a probe proved to work",
    choices: ["auto", "kvm", "hvf", "whpx", "tcg"],
    default: "auto",
    change: "restart",
  },
  cpu: {
    type: "string",
    describe: "QEMU CPU model, default host when accelerated and max when emulated",
    pattern: /^[\w.,=+-]+$/,
    change: "restart",
  },
  machineType: {
    type: "string",
    describe: "QEMU machine type, default the newest q35 or virt at the first start",
    pattern: /^[\w.-]+$/,
    change: "restart",
  },
  binary: {
    type: "string",
    describe: "absolute path of qemu-system-<arch>, default from PATH",
    pattern: /^(?:\/|[A-Za-z]:\\).+$/,
    change: "restart",
  },
  diskFormat: {
    type: "string",
    describe: "format of the data disk; qcow2 stays small where files cannot be sparse",
    choices: ["raw", "qcow2"],
    default: "raw",
    change: "recreate",
  },
  diskCache: {
    type: "string",
    describe: "host cache mode of the data disk; unsafe ignores the guest's flushes",
    choices: ["writeback", "none", "directsync", "unsafe"],
    default: "writeback",
    change: "restart",
  },
  sandbox: {
    type: "boolean",
    describe: "confine QEMU with seccomp on Linux",
    default: true,
    change: "restart",
  },
  extraArgs: {
    type: "list",
    describe: "more arguments for QEMU, one each",
    default: [],
    change: "restart",
  },
} as const satisfies OptionSpecs;

/** The options' values, checked and with their defaults. */
export type QemuOptions = OptionValues<typeof options>;
