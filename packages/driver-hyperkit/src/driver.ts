import { defineDriver } from "@mk/core";
import { createConfig, parseConfig } from "./config.js";
import { createMachine } from "./machine.js";
import { options } from "./options.js";
import { status } from "./status.js";

/**
 * mk's driver for HyperKit on Intel Macs: a virtual machine with an address on vmnet's shared network. vmnet is for root
 * alone, so the mk command runs this driver in a process of its own, with the privilege for that process; a program wraps it with
 * `isolated` of @mk/libmachine.
 */
export const hyperkit = defineDriver({
  name: "hyperkit",
  summary: "HyperKit virtual machine on Intel Macs",
  external: true,
  // Unmaintained since 2022; minikube advises against it too.
  priority: "discouraged",
  autoSelect: false,
  traits: { isolation: "vm", parallel: true, privileged: true, image: "vm" },
  options,
  status,
  createConfig,
  parseConfig,
  createDriver: createMachine,
});
