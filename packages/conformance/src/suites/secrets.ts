import { expect } from "vitest";
import { Bench } from "../bench.js";
import { type Suite, suiteOf } from "../contract-test.js";
import { FALLIBLE_CALLS } from "../disturbed-host.js";
import { PRECONDITION, perform } from "./cancellation.js";

/** What a driver is told in confidence is seen by nobody: not in `ps`, not in events, not in errors. */
export const secrets: Suite = ({ driver, setup, mode }) => {
  const canaries = Object.entries(driver.options).flatMap(([name, option]) =>
    option.secret === true && option.type === "string" && option.choices === undefined && option.pattern === undefined
      ? [[name, `canary-${name}-5e7c`] as const]
      : [],
  );
  if (canaries.length === 0 || mode === "live") return [];
  const told = { ...setup, options: { ...setup.options, ...Object.fromEntries(canaries) } };
  const expectNone = (what: string, value: unknown) => {
    for (const [name, canary] of canaries) expect(textOf(value), `${what} tells ${name}`).not.toContain(canary);
  };
  return suiteOf("secrets", {
    "gives no secret to a program as an argument": async () => {
      await using bench = await Bench.open(driver, told);
      const given: unknown[] = [];
      bench.disturb(({ name, args }) => {
        if (name === "run" || name === "processes.spawnDaemon") given.push(args[1]);
      });
      const machine = await bench.reach("running");
      await bench.call((op) => machine.stop(op));
      await bench.call((op) => machine.remove(op));
      expectNone("an argument", given);
    },
    "tells no secret in a step, a log or an error, whichever call fails": async () => {
      for (const act of ["create", "start", "stop", "remove"] as const) {
        for (let nth = 0, met = true; met; nth++) {
          await using bench = await Bench.open(driver, told);
          const machine = await bench.reach(PRECONDITION[act]);
          met = false;
          let seen = 0;
          bench.disturb((call) => {
            if (!FALLIBLE_CALLS.has(call.name) || seen++ !== nth) return;
            met = true;
            throw new Error(`${call.name} failed (injected)`);
          });
          const { result, steps, logs } = await bench.run(perform(act, machine));
          bench.disturb(undefined);
          expectNone(`a step of ${act}`, steps);
          expectNone(`a log of ${act}`, logs);
          if (!result.ok) expectNone(`an error of ${act}`, result.error);
        }
      }
    },
  });
};

/** All that anyone could print of it: what JSON leaves out of an error, and what is below it. */
function textOf(value: unknown): string {
  const seen = new Set<unknown>();
  const visit = (item: unknown): string => {
    if (typeof item !== "object" || item === null || seen.has(item)) return String(item);
    seen.add(item);
    return Reflect.ownKeys(item)
      .map((key) => visit(Reflect.get(item, key)))
      .join("\n");
  };
  return visit(value);
}
