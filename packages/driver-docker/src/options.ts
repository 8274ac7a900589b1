import type { OptionSpecs, OptionValues } from "@mk/core";

/** The driver's options, as `--docker-*` flags have them. */
export const options = {
  listenAddress: {
    type: "string",
    describe: "address on which the machine's ports are published (default: 127.0.0.1, or 0.0.0.0 of a remote engine)",
    change: "restart",
  },
  subnet: {
    type: "string",
    describe: "IPv4 subnet of the machine's network, such as 192.168.100.0/24 (default: the first free one)",
    change: "recreate",
  },
  privileges: {
    type: "string",
    describe:
      "whether the container runs privileged or with a list of capabilities; auto asks the engine for the first, then the second",
    choices: ["auto", "privileged", "capabilities"],
    default: "auto",
    change: "restart",
  },
} as const satisfies OptionSpecs;

/** The options' values, checked and with their defaults. */
export type DockerOptions = OptionValues<typeof options>;
