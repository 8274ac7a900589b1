import type { OptionSpecs, OptionValues } from "@mk/core";

/** Options of the kvm2 driver: `--kvm2-<name>`. */
export const options = {
  uri: {
    type: "string",
    choices: ["qemu:///system", "qemu:///session"],
    default: "qemu:///system",
    describe: "libvirt connection; session needs no group and forwards ports from loopback",
  },
  network: {
    type: "string",
    describe: "existing libvirt network to join instead of one of the machine's own",
    pattern: /^[\w.:-]+$/,
  },
  virtualization: {
    type: "string",
    choices: ["auto", "kvm", "qemu"],
    default: "auto",
    describe: "kvm, software emulation, or kvm where a guest was seen to run on it",
    change: "restart",
  },
  cpuModel: {
    type: "string",
    describe: "CPU model of the guest instead of the host's (kvm) or the fullest (qemu)",
    pattern: /^[\w.+-]+$/,
    change: "restart",
  },
  hidden: { type: "boolean", default: false, describe: "hide from the guest that it runs on KVM", change: "restart" },
  diskCache: {
    type: "string",
    choices: ["default", "none", "writeback", "writethrough", "unsafe"],
    default: "default",
    describe: "cache mode of the data disk",
    change: "restart",
  },
} as const satisfies OptionSpecs;

/** The options' values, checked and with their defaults. */
export type Kvm2Options = OptionValues<typeof options>;
