import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMk, type Driver, defineDriver, type MachineHandle, type MachineState } from "@mk/core";
import { expect } from "vitest";
import { type Ability, type Suite, suiteOf } from "../contract-test.js";

/** What a user asks of an ability, through mk's own API. */
const ASKS: Readonly<Partial<Record<Ability, Readonly<Record<string, (machine: MachineHandle) => Promise<unknown>>>>>> =
  {
    suspension: {
      "pause a machine": (machine) => machine.pause(),
      "resume a machine": (machine) => machine.resume(),
    },
    console: {
      "show a machine's console": async (machine) => {
        for await (const _ of machine.console()) break;
      },
    },
  };

/** An ability that a driver lacks is refused by core, by name, before the driver is asked anything. */
export const absent: Suite = ({ driver, abilities }) =>
  suiteOf(
    "absent abilities",
    Object.fromEntries(
      Object.entries(ASKS)
        .filter(([ability]) => !abilities.has(ability as Ability))
        .flatMap(([, asks]) => Object.entries(asks))
        .map(([what, ask]) => [
          `is refused with NOT_SUPPORTED to ${what}`,
          async () => {
            const home = await mkdtemp(join(tmpdir(), "mk-conformance-"));
            try {
              await using mk = createMk({ home, drivers: [bareDriver(driver.name)] });
              await using machine = await mk.start({ name: "bare" });
              await expect(ask(machine)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
            } finally {
              await rm(home, { recursive: true, force: true });
            }
          },
        ]),
    ),
  );

/** A driver of this name with no ability at all, whose machines are this computer: core needs one that runs. */
function bareDriver(name: string): Driver {
  let state: MachineState & ("absent" | "stopped" | "running") = "absent";
  const become = (next: typeof state) => async () => {
    state = next;
  };
  return defineDriver({
    name,
    summary: "stands in for a driver that lacks an ability",
    priority: "default",
    traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
    options: {},
    status: async () => ({ status: "ready" }),
    createConfig: () => ({ version: 1 }),
    parseConfig: () => ({ version: 1 }),
    createDriver: () => ({
      inspect: async () => ({ state }),
      create: become("stopped"),
      start: become("running"),
      stop: become("stopped"),
      kill: become("stopped"),
      remove: become("absent"),
      access: async () => ({ via: "exec", argv: ["env"] }),
      endpoint: async (port) => ({ host: "127.0.0.1", port }),
    }),
  });
}
