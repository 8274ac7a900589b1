import type { OptionSpecs } from "@mk/core";

/** The driver's own options: `--hyperkit-<kebab-case>` on the command line. */
export const options = {
  binary: {
    type: "string",
    describe: "absolute path of hyperkit, default from PATH",
    pattern: /^\//,
    change: "restart",
  },
  extraArgs: {
    type: "list",
    describe: "more arguments for hyperkit, one each",
    default: [],
    change: "restart",
  },
} as const satisfies OptionSpecs;
