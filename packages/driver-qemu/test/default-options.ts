import type { OptionValues } from "@mk/core";
import type { options } from "../src/options.js";

/** What a machine has for which the user gave no option. */
export const defaultOptions: OptionValues<typeof options> = {
  accelerator: "auto",
  cpu: undefined,
  machineType: undefined,
  binary: undefined,
  diskFormat: "raw",
  diskCache: "writeback",
  sandbox: true,
  extraArgs: [],
};
