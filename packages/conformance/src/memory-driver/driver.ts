import { type Driver, type DriverDefinition, defineDriver } from "@mk/core";
import type { Hypervisor } from "./computer.js";
import { createConfig, type MemoryConfig, parseConfig } from "./config.js";
import { openMachine } from "./machine.js";
import { options } from "./options.js";

/** The memory driver before it is made a driver: the kit breaks it in many ways to prove itself. */
export function memoryDefinition(): DriverDefinition<typeof options, MemoryConfig> {
  const hypervisor: Hypervisor = new Map();
  return {
    name: "memory",
    aliases: ["mem"],
    summary: "Machines that exist in this process only, for tests",
    priority: "experimental",
    autoSelect: false,
    traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
    options,
    status: async (_, signal) => {
      signal.throwIfAborted();
      return { status: "ready", version: "1.0.0" };
    },
    createConfig,
    parseConfig,
    createDriver: (config, context) => openMachine(hypervisor, config, context),
  };
}

/**
 * A driver with every ability whose machines live in this process. It passes the kit; use it to test what is built on
 * drivers. Each call makes a hypervisor of its own.
 */
export function memoryDriver(): Driver {
  return defineDriver(memoryDefinition());
}
