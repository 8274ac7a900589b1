import type { OptionSpecs } from "@mk/core";

/** One option of every kind. */
export const options = {
  size: {
    type: "string",
    choices: ["small", "large"],
    default: "small",
    describe: "how much the machine pretends to be",
  },
  motd: { type: "string", pattern: /^[^\n]*$/, describe: "message of the day", change: "live" },
  token: { type: "string", secret: true, describe: "a secret that nothing prints" },
  bootMs: { type: "integer", default: 500, min: 0, max: 60_000, describe: "virtual milliseconds a boot takes" },
  verbose: { type: "boolean", default: false, describe: "write more to the console", change: "restart" },
  labels: { type: "list", default: [], describe: "labels of the machine" },
} as const satisfies OptionSpecs;
