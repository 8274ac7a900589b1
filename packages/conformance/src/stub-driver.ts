import { type Driver, type DriverDefinition, defineDriver, type Machine, type MachineState } from "@mk/core";

/** What the machine of a stub driver is, and what it was told to do so far. */
export interface StubMachine {
  state: MachineState;
  readonly calls: string[];
  /** A method that is noted by this name and brings the machine into this state. */
  become(name: string, next: MachineState): () => Promise<void>;
}

export interface StubDriver {
  readonly driver: Driver;
  readonly seen: StubMachine;
}

type StubDefinition = DriverDefinition<Record<never, never>, { readonly version: 1 }>;

/** The smallest driver that core can work with: one machine, which is this computer, and no ability but what `change` adds. */
export function stubDriver(
  change: (seen: StubMachine) => Partial<Machine> = () => ({}),
  definition: Partial<StubDefinition> = {},
): StubDriver {
  const seen: StubMachine = {
    state: "absent",
    calls: [],
    become: (name, next) => async () => {
      seen.calls.push(name);
      seen.state = next;
    },
  };
  const { become } = seen;
  const driver = defineDriver({
    name: "stub",
    summary: "stands in for a driver",
    priority: "default",
    traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
    options: {},
    status: async () => ({ status: "ready" }),
    createConfig: () => ({ version: 1 }),
    parseConfig: () => ({ version: 1 }),
    createDriver: () => ({
      inspect: async () => ({ state: seen.state, reason: "the stub was told so" }),
      create: become("create", "stopped"),
      start: become("start", "running"),
      stop: become("stop", "stopped"),
      kill: become("kill", "stopped"),
      remove: become("remove", "absent"),
      access: async () => ({ via: "exec", argv: ["env"] }),
      endpoint: async (port) => ({ host: "127.0.0.1", port }),
      ...change(seen),
    }),
    ...definition,
  });
  return { driver, seen };
}
