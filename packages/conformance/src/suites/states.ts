import type { Machine, MachineState, Operation } from "@mk/core";
import { expect } from "vitest";
import { accessOf } from "../access.js";
import { ability, type Reachable } from "../bench.js";
import { type Ability, type Suite, suiteOf } from "../contract-test.js";

type Act = (machine: Machine, op: Operation) => Promise<unknown>;

const ACTS = {
  inspect: (machine, op) => machine.inspect(op),
  create: (machine, op) => machine.create(op),
  start: (machine, op) => machine.start(op),
  stop: (machine, op) => machine.stop(op),
  kill: (machine, op) => machine.kill(op),
  remove: (machine, op) => machine.remove(op),
  access: accessOf,
  endpoint: (machine, op) => machine.endpoint(22, op),
  pause: (machine, op) => ability(machine.suspension, "suspension").pause(op),
  resume: (machine, op) => ability(machine.suspension, "suspension").resume(op),
  save: (machine, op) => ability(machine.hibernation, "hibernation").save(op),
} as const satisfies Record<string, Act>;

type ActName = keyof typeof ACTS;

/**
 * What core may ask in each state, and the states that may follow. States to which no operation leads are not here: see the
 * suite "damage", and `reach` of the setup.
 */
const MATRIX: Readonly<Record<Reachable, Readonly<Partial<Record<ActName, readonly MachineState[]>>>>> = {
  absent: { inspect: ["absent"], create: ["stopped", "running"], remove: ["absent"] },
  stopped: { inspect: ["stopped"], start: ["starting", "running"], kill: ["stopped"], remove: ["absent"] },
  running: {
    inspect: ["running"],
    stop: ["stopped"],
    kill: ["stopped"],
    remove: ["absent"],
    access: ["running"],
    endpoint: ["running"],
    pause: ["paused"],
    save: ["saved"],
  },
  paused: { inspect: ["paused"], resume: ["running"], kill: ["stopped"], remove: ["absent"] },
  saved: { inspect: ["saved"], start: ["starting", "running"], kill: ["stopped", "saved"], remove: ["absent"] },
};

const NEEDS: Readonly<Partial<Record<ActName | Reachable, Ability>>> = {
  pause: "suspension",
  resume: "suspension",
  paused: "suspension",
  save: "hibernation",
  saved: "hibernation",
};

/** Every operation in every state in which core calls it. */
export const states: Suite = ({ abilities, open, setup }) => {
  const offered = (name: ActName | Reachable) => NEEDS[name] === undefined || abilities.has(NEEDS[name]);
  const cells = (Object.keys(MATRIX) as Reachable[])
    .filter(offered)
    .flatMap((state) =>
      (Object.entries(MATRIX[state]) as [ActName, readonly MachineState[]][])
        .filter(([act]) => offered(act))
        .map(([act, after]) => ({ state, act, after })),
    );
  const cell =
    ({ state, act, after }: (typeof cells)[number]) =>
    async () => {
      await using bench = await open();
      const machine = await bench.reach(state);
      await bench.call<unknown>((op) => ACTS[act](machine, op));
      expect(after).toContain(await bench.state(machine));
    };
  const odd = Object.entries(setup.reach ?? {}).flatMap(([state, reach]) =>
    (["inspect", "kill", "remove"] as const).map((act) => ({ state, act, reach })),
  );
  return suiteOf("states", {
    ...Object.fromEntries(cells.map((each) => [title(each), cell(each)])),
    ...Object.fromEntries(
      odd.map(({ state, act, reach }) => [
        `${act} works in state ${state}`,
        async () => {
          await using bench = await open();
          const machine = await bench.reach("running");
          await reach(bench);
          expect(await bench.state()).toBe(state);
          // The hypervisor does not answer in state unknown: what changes the machine may fail, and must not hang.
          if (state === "unknown" && act !== "inspect")
            return void (await bench.run<unknown>((op) => ACTS[act](machine, op)));
          await bench.call<unknown>((op) => ACTS[act](machine, op));
          if (act === "remove") expect(await bench.state()).toBe("absent");
          if (act === "kill") expect(await bench.state()).not.toBe("running");
        },
      ]),
    ),
  });
};

function title({ state, act, after }: { state: string; act: string; after: readonly string[] }): string {
  return after.length === 1 && after[0] === state
    ? `${act} leaves a machine ${state} that is ${state}`
    : `${act} takes a machine from ${state} to ${after.join(" or ")}`;
}
