import { availableParallelism } from "node:os";
import { join } from "node:path";
import { listFailpoints } from "@mk/core";
import { shareOut, type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./step-kill/bundle.js";
import { FAULT, type Injection, type KillBench, openBench, SCENARIOS, type Scenario } from "./step-kill/kill-case.js";
import type { MkRun } from "./step-kill/run-mk.js";

/** Steps of the process driver itself. */
const DRIVER_STEPS = /^\w+\.(disk|seed|define|record|spawn|wait|powerdown|cut|apply):/;

const only = process.env.MK_KILL_ONLY;
const soak = process.env.MK_SOAK !== undefined;
const reached = new Set<string>();
const counts = { run: 0, survived: 0 };
let directory: TemporaryDirectory;
/** Homes of their own: one case is waiting for a process most of the time. */
let benches: readonly KillBench[];

// Each of some thousand Node processes would read them, 36 ms long, and none reaches a server of others.
delete process.env.NODE_EXTRA_CA_CERTS;

beforeAll(async () => {
  directory = await temporaryDirectory("mk-kill-program-");
  const program = await bundle(join(import.meta.dirname, "step-kill", "mk-process.ts"), directory.path);
  benches = await Promise.all(Array.from({ length: availableParallelism() }, () => openBench(program)));
});
afterAll(async () => {
  for (const bench of benches) await bench[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
  console.log(
    `kill runs: ${counts.run} at ${reached.size} places of steps, survived: ${counts.survived} (repeat one: MK_KILL_ONLY="<failpoint>=<terms>")`,
  );
});

describe.each(SCENARIOS)("$title, cut off at any step", (scenario) => {
  it("keeps every promise after SIGKILL, SIGTERM and SIGINT", async () => {
    const { hits } = await cleanRun(scenario);
    await shareOut(benches, casesOf(scenario, hits), async (bench, { failpoints, name, injection }, index) => {
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
    });
  }, 1_200_000);
});

/** What the command does when nothing cuts it off. */
async function cleanRun(scenario: Scenario): Promise<MkRun> {
  const [bench] = benches;
  if (bench === undefined) throw new TypeError("there is no bench");
  const clean = await bench.run(scenario, faultOf(scenario));
  expect(clean.outcome).toMatchObject(scenario.fails === undefined ? { ok: true } : { code: FAULT });
  await bench.check(scenario, clean, true);
  for (const { name } of clean.hits) reached.add(name);
  return clean;
}

/** Makes the command of a scenario fail that is to fail. */
function faultOf({ fails }: Scenario): string {
  return fails === undefined ? "" : `${fails}=1*error(${FAULT});`;
}

it("reaches every failpoint that is listed, and lists every one that is reached", () => {
  const listed = listFailpoints();
  expect([...reached].filter((name) => !DRIVER_STEPS.test(name) && !listed.includes(name))).toEqual([]);
  expect(listed.filter((name) => !reached.has(name))).toEqual([]);
});

interface KillCase {
  readonly name: string;
  readonly injection: Injection;
  readonly failpoints: string;
}

/**
 * Every failpoint that the command hit. A file is written many times: there the first and the last are taken. A signal that is caught has
 * its effect at the next step's boundary, so the places between two of those are left to SIGKILL. And every step is killed in every run,
 * while TERM and INT go the same way through mk: a sample of them is enough outside of a soak.
 */
function casesOf(scenario: Scenario, hits: MkRun["hits"]): readonly KillCase[] {
  const { places = /^/ } = scenario;
  // What comes before a failure is cut off where nothing fails.
  const begin = hits.findIndex(({ action }) => action === "error") + 1;
  const count = (name: string, among = hits) => among.filter((hit) => hit.name === name).length;
  const distinct = [...new Set(hits.slice(begin).map(({ name }) => name))].filter((name) => places.test(name));
  const cut = (name: string, injection: Injection, hit = count(name, hits.slice(0, begin)) + 1): KillCase => {
    const failpoints = `${faultOf(scenario)}${name}=${hit === 1 ? "" : `${hit - 1}*off->`}1*${injection}`;
    return { name, injection, failpoints };
  };
  const kills = distinct.flatMap((name) => {
    const first = cut(name, "kill");
    const last = isWithinSteps(name) ? cut(name, "kill", count(name)) : first;
    return last.failpoints === first.failpoints ? [first] : [first, last];
  });
  const signals = (["term", "int"] as const).flatMap((injection) =>
    distinct
      .filter((name) => !isWithinSteps(name))
      .filter((_, index) => soak || index % 8 === 0)
      .map((name) => cut(name, injection)),
  );
  return [...kills, ...signals].filter(({ failpoints }) => only === undefined || only === failpoints);
}

function isWithinSteps(name: string): boolean {
  return /^(?:store|lock)\./.test(name);
}
