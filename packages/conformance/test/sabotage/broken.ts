import type { ConformanceSetup } from "@mk/conformance";
import { scriptedHost } from "@mk/conformance";
import { type Driver, defineDriver, type Machine, type MachineContext, type OptionSpecs } from "@mk/core";
import { memoryDefinition } from "../../src/memory-driver/driver.js";
import { type ProcessConfig, processDefinition } from "../process-driver/driver.js";
import { processHost } from "../process-driver/host.js";

type MemoryDefinition = ReturnType<typeof memoryDefinition>;
type ProcessDefinition = ReturnType<typeof processDefinition>;

/** A driver with one fault, and the sentence of the contract that the fault breaks. */
export interface Broken {
  readonly fault: string;
  /** The test that must fail; others may. */
  readonly caughtBy: string;
  readonly driver: () => Driver;
  readonly setup: ConformanceSetup;
}

const memorySetup: ConformanceSetup = { host: async () => scriptedHost() };
const processSetup: ConformanceSetup = { host: processHost };

/** Parts of the memory driver's definition, with other options or another config in them if need be. */
type Changes = {
  readonly [K in Exclude<keyof MemoryDefinition, "options" | "createConfig">]?: MemoryDefinition[K];
} & {
  readonly options?: OptionSpecs;
  createConfig?(...given: Parameters<MemoryDefinition["createConfig"]>): unknown;
};

/** The memory driver with parts of its definition replaced. */
export function memory(fault: string, caughtBy: string, change: (sound: MemoryDefinition) => Changes): Broken {
  const driver = () => {
    const sound = memoryDefinition();
    return defineDriver({ ...sound, ...change(sound) } as MemoryDefinition);
  };
  return { fault, caughtBy, driver, setup: memorySetup };
}

/** The memory driver with methods of its machines replaced. */
export function memoryMachine(
  fault: string,
  caughtBy: string,
  change: (sound: Machine, context: MachineContext) => Partial<Machine>,
): Broken {
  return memory(fault, caughtBy, (sound) => ({
    createDriver: async (config, context) => {
      const machine = await sound.createDriver(config, context);
      return { ...machine, ...change(machine, context) };
    },
  }));
}

/** The driver with a process per machine, with methods of its machines replaced. */
export function processMachine(
  fault: string,
  caughtBy: string,
  change: (sound: Machine, context: MachineContext, config: ProcessConfig) => Partial<Machine>,
  definition: (sound: ProcessDefinition) => Partial<ProcessDefinition> = () => ({}),
): Broken {
  const driver = () => {
    const sound = processDefinition();
    return defineDriver({
      ...sound,
      ...definition(sound),
      createDriver: async (config, context) => {
        const machine = await sound.createDriver(config, context);
        return { ...machine, ...change(machine, context, config) };
      },
    });
  };
  return { fault, caughtBy, driver, setup: processSetup };
}
