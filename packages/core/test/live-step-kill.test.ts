import { join } from "node:path";
import { listFailpoints } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./step-kill/bundle.js";
import { type Injection, type KillBench, openBench, SCENARIOS } from "./step-kill/kill-case.js";

/** Steps of the process driver itself. */
const DRIVER_STEPS = /^\w+\.(disk|seed|define|record|spawn|wait|powerdown|cut|apply):/;
/** Reached only by what no scenario here does: roll-backs, guests that cannot be asked, paused machines, damaged files. */
const SELDOM =
  /^(?:create\.remove|start\.(?:power-off|resume|clock)|stop\.(?:resume|kill)|pause\.|resume\.|store\.quarantine)/;

const only = process.env.MK_KILL_ONLY;
const soak = process.env.MK_SOAK !== undefined;
const reached = new Set<string>();
const counts = { run: 0, survived: 0 };
let directory: TemporaryDirectory;
let bench: KillBench;

beforeAll(async () => {
  directory = await temporaryDirectory("mk-kill-program-");
  bench = await openBench(await bundle(join(import.meta.dirname, "step-kill", "mk-process.ts"), directory.path));
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
  console.log(
    `kill runs: ${counts.run}, survived: ${counts.survived} (repeat one: MK_KILL_ONLY="<failpoint>=<terms>")`,
  );
});

describe.each(SCENARIOS)("$title, cut off at any step", (scenario) => {
  it.each(["kill", "term", "int"] as const)(
    "keeps every promise after %s",
    async (injection: Injection) => {
      const clean = await bench.run(scenario, "");
      expect(clean.outcome).toEqual({ ok: true });
      await bench.check(scenario, clean, true);
      const names = clean.hits.map(({ name }) => name);
      for (const name of names) reached.add(name);
      const all = casesOf(names, injection);
      // Every step is killed in every run; TERM and INT go the same way through mk, so that a sample of them is enough outside of a soak.
      const cases = injection === "kill" || soak ? all : all.filter((_, index) => index % 8 === 0);
      for (const [index, { name, hit }] of cases.entries()) {
        const failpoints = `${name}=${hit === 1 ? "" : `${hit - 1}*off->`}1*${injection}`;
        if (only !== undefined && only !== failpoints) continue;
        counts.run++;
        try {
          const run = await bench.run(scenario, failpoints);
          // Proof that it was cut off where it was meant to be.
          expect(run.hits).toContainEqual({ name, action: injection });
          if (injection === "kill") expect(run.signal).toBe("SIGKILL");
          await bench.check(scenario, run, index % 2 === 1);
          counts.survived++;
        } catch (cause) {
          throw new Error(`${scenario.title}: MK_KILL_ONLY="${failpoints}"`, { cause });
        }
      }
    },
    600_000,
  );
});

it("reaches every failpoint that is listed, and lists every one that is reached", () => {
  const listed = listFailpoints();
  expect([...reached].filter((name) => !DRIVER_STEPS.test(name) && !listed.includes(name))).toEqual([]);
  expect(listed.filter((name) => !SELDOM.test(name) && !reached.has(name))).toEqual([]);
});

interface KillCase {
  readonly name: string;
  /** At which of its hits. */
  readonly hit: number;
}

/**
 * Every failpoint that the command hit. A file is written many times: there the first and the last are taken. A signal that is caught has
 * its effect at the next step's boundary, so the places between two of those are left to SIGKILL.
 */
function casesOf(names: readonly string[], injection: Injection): readonly KillCase[] {
  return [...new Set(names)].flatMap((name): readonly KillCase[] => {
    if (!/^(?:store|lock)\./.test(name)) return [{ name, hit: 1 }];
    if (injection !== "kill") return [];
    return [...new Set([1, names.filter((other) => other === name).length])].map((hit) => ({ name, hit }));
  });
}
