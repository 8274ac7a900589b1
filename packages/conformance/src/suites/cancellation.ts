import type { Machine, Operation } from "@mk/core";
import { expect } from "vitest";
import type { Bench } from "../bench.js";
import { type Subject, type Suite, suiteOf } from "../contract-test.js";
import type { Outcome } from "../operation.js";

export type Act = "create" | "start" | "stop" | "kill" | "remove";

/** The state in which core calls an operation. */
export const PRECONDITION = {
  create: "absent",
  start: "stopped",
  stop: "running",
  kill: "running",
  remove: "running",
} as const satisfies Record<Act, string>;

export const perform = (act: Act, machine: Machine) => (op: Operation) => machine[act](op);

/** Ctrl-C, or core's deadline, at every step of every operation. */
export const cancellation: Suite = (subject) =>
  suiteOf("cancellation", {
    "leaves the machine absent when create is aborted before or within any step": () =>
      atEveryStep(subject, "create", async (bench) => {
        expect(await bench.state()).toBe("absent");
        await bench.closeAll();
        expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
      }),
    "can start again when start is aborted before or within any step": () =>
      atEveryStep(subject, "start", async (bench) => {
        const machine = await bench.handle();
        if (!["running", "starting"].includes(await bench.state())) await bench.call((op) => machine.start(op));
        expect(["running", "starting"]).toContain(await bench.state());
      }),
    "can be killed when stop is aborted before or within any step": () =>
      atEveryStep(subject, "stop", async (bench) => {
        const machine = await bench.handle();
        await bench.call((op) => machine.kill(op));
        expect(await bench.state()).toBe("stopped");
      }),
    "can be removed when remove is aborted before or within any step": () =>
      atEveryStep(subject, "remove", async (bench) => {
        const machine = await bench.handle();
        await bench.call((op) => machine.remove(op));
        await bench.closeAll();
        expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
      }),
    "rejects with the signal's own reason, and leaves the machine as it was, when a signal has aborted already":
      async () => {
        for (const act of ["create", "start", "stop"] as const) {
          await using bench = await subject.open();
          const machine = await bench.reach(PRECONDITION[act]);
          const reason = new Error("no longer wanted");
          const outcome = await bench.run(perform(act, machine), { signal: AbortSignal.abort(reason) });
          expect(outcome.result, act).toEqual({ ok: false, error: reason });
          expect(await bench.state(), act).toBe(PRECONDITION[act]);
        }
      },
    "leaves no listener on the signal of an aborted operation": async () => {
      await atEveryStep(subject, "create", async (_, outcome) => {
        expect(outcome.listenersLeft).toBe(0);
      });
    },
  });

/** Aborts `act` in every step it takes, each time on a machine of its own, and hands over what is left to `check`. */
async function atEveryStep(
  subject: Subject,
  act: Act,
  check: (bench: Bench, outcome: Outcome<void>) => Promise<void>,
): Promise<void> {
  for (const id of await stepsOf(subject, act)) {
    for (const side of ["before", "within"] as const) {
      await using bench = await subject.open();
      const machine = await bench.reach(PRECONDITION[act]);
      const controller = new AbortController();
      const reason = new Error(`aborted ${side} ${act}.${id}`);
      const outcome = await bench.run(perform(act, machine), {
        signal: controller.signal,
        onStep: (at, when) => {
          if (at === id && when === side) controller.abort(reason);
        },
      });
      // A step whose work was done when the abort came may end the operation well: then it counts as not aborted.
      if (outcome.result.ok) continue;
      expect(outcome.result.error, `the reason, unwrapped, ${side} ${act}.${id}`).toBe(reason);
      expect(outcome.undoFailures, `cleanups ${side} ${act}.${id}`).toEqual([]);
      await check(bench, outcome);
    }
  }
}

async function stepsOf(subject: Subject, act: Act): Promise<readonly string[]> {
  await using bench = await subject.open();
  const machine = await bench.reach(PRECONDITION[act]);
  const { steps } = await bench.run(perform(act, machine));
  return steps.map(({ id }) => id);
}
