import { defineDriver } from "@mk/core";
import { createConfig, type Kvm2Config, parseConfig } from "./config.js";
import { createMachine } from "./machine.js";
import { options } from "./options.js";
import { status } from "./status.js";

/** Virtual machines of libvirt, on KVM where a guest really runs on it. */
export const driver = defineDriver<typeof options, Kvm2Config>({
  name: "kvm2",
  aliases: ["kvm", "libvirt"],
  summary: "virtual machines of libvirt and KVM",
  priority: "preferred",
  traits: { isolation: "vm", parallel: true, privileged: false, image: "vm" },
  options,
  status,
  createConfig,
  parseConfig,
  createDriver: createMachine,
});
