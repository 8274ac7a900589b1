import type { QemuOptions } from "../src/options.js";

/** What a machine has for which the user gave no option. */
export const defaultOptions: QemuOptions = {
  accelerator: "auto",
  cpu: undefined,
  machineType: undefined,
  binary: undefined,
  diskFormat: "raw",
  diskCache: "writeback",
  sandbox: true,
  extraArgs: [],
};
