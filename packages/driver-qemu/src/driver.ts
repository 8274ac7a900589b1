import { defineDriver } from "@mk/core";
import { createConfig, parseConfig } from "./config.js";
import { createMachine } from "./machine.js";
import { options } from "./options.js";
import { status } from "./status.js";

/** mk's driver for QEMU: a virtual machine as an ordinary process of the user, on Linux, macOS and Windows, without root. */
export const qemu = defineDriver({
  name: "qemu",
  // minikube calls its QEMU driver by both names.
  aliases: ["qemu2"],
  summary: "QEMU virtual machine, without root",
  priority: "default",
  traits: { isolation: "vm", parallel: true, privileged: false, image: "vm" },
  options,
  status,
  createConfig,
  parseConfig,
  createDriver: createMachine,
});
