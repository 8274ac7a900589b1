import type { Operation } from "@mk/core";
import { expect } from "vitest";
import { type Suite, suiteOf } from "../contract-test.js";
import type { Outcome } from "../operation.js";

const STEP_ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Steps are what the user sees while waiting, and where faults are injected: their names are API. */
export const steps: Suite = ({ mode, open }) => {
  const cycle = async () => {
    await using bench = await open();
    const machine = await bench.handle();
    const seen: Record<string, Outcome<unknown>> = {};
    const act = async (name: string, work: (op: Operation) => Promise<unknown>) => {
      seen[name] = await bench.run(work);
      expect(seen[name].result, name).toMatchObject({ ok: true });
    };
    const powerOn = async (name: string) => {
      if ((await bench.state()) !== "running") await act(name, (op) => machine.start(op));
      await bench.untilReady();
    };
    await act("create", (op) => machine.create(op));
    await powerOn("start");
    await act("inspect", (op) => machine.inspect(op));
    await act("stop", (op) => machine.stop(op));
    await act("remove", (op) => machine.remove(op));
    // A real guest takes long to boot.
    if (mode === "live") return seen;
    await act("create again", (op) => machine.create(op));
    await powerOn("start again");
    await act("kill", (op) => machine.kill(op));
    await powerOn("start after the kill");
    await act("remove while it runs", (op) => machine.remove(op));
    return seen;
  };
  return suiteOf("steps", {
    "creates in at least one named step": async () => {
      expect((await cycle()).create?.steps.length).toBeGreaterThan(0);
    },
    "names each step of an operation once, in kebab-case": async () => {
      for (const [operation, { steps: found }] of Object.entries(await cycle())) {
        const ids = found.map(({ id }) => id);
        for (const id of ids) expect(id, operation).toMatch(STEP_ID);
        expect(new Set(ids).size, `${operation}: ${ids.join(", ")}`).toBe(ids.length);
      }
    },
    "gives every step a title for people, which begins in lower case and has no full stop": async () => {
      for (const { steps: found } of Object.values(await cycle())) {
        for (const { title } of found) expect(title).toMatch(/^\p{Ll}.+[^.\s]$/u);
      }
    },
    "takes the same steps every time": async () => {
      const ids = (seen: Awaited<ReturnType<typeof cycle>>) =>
        Object.entries(seen).map(([operation, outcome]) => [operation, outcome.steps.map(({ id }) => id)]);
      expect(ids(await cycle())).toEqual(ids(await cycle()));
    },
    "reports progress that only grows and keeps below its total": async () => {
      const { create } = await cycle();
      for (const { done, total } of create?.progress ?? []) {
        expect(done).toBeGreaterThanOrEqual(0);
        if (total !== undefined) expect(done).toBeLessThanOrEqual(total);
      }
    },
    // On a real host a driver may find in its cache what it else has to wait for.
    ...(mode === "scripted" && {
      "sets no timer: deadlines are core's, and waiting is the host's": async () => {
        for (const [operation, { timers }] of Object.entries(await cycle())) expect(timers, operation).toEqual([]);
      },
    }),
    "leaves no listener on an operation's signal": async () => {
      for (const [operation, { listenersLeft }] of Object.entries(await cycle())) {
        expect(listenersLeft, operation).toBe(0);
      }
    },
  });
};
