import { defineDriver, type Driver } from "@mk/core";
import { type Config, createConfig, parseConfig } from "./config.js";
import { createMachine } from "./machine.js";
import { options } from "./options.js";
import { status } from "./status.js";

export const driver: Driver = defineDriver<typeof options, Config>({
  name: "{{driver}}",
  summary: "{{summary}}",
  priority: "experimental",
  traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
  options,
  status,
  createConfig,
  parseConfig,
  createDriver: createMachine,
});
