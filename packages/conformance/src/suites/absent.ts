import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMk, type MachineHandle } from "@mk/core";
import { expect } from "vitest";
import { type Ability, type Suite, suiteOf } from "../contract-test.js";
import { stubDriver } from "../stub-driver.js";

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
              // Core needs a driver that runs: one of the same name, which lacks every ability. Named, since the author may have set MK_DRIVER.
              const { driver: bare } = stubDriver(undefined, { name: driver.name });
              await using mk = createMk({ home, drivers: [bare] });
              await using machine = await mk.start({ name: "bare", driver: driver.name });
              await expect(ask(machine)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
            } finally {
              await rm(home, { recursive: true, force: true });
            }
          },
        ]),
    ),
  );
