import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createMk } from "@mk/core";
import { temporaryDirectory, until } from "@mk/testing";
import { expect, it } from "vitest";
import { fakeImages } from "./images.js";
import { machinePids } from "./process-driver/machine-pids.js";
import { processDriver } from "./process-driver/process-driver.js";
import { seededRandom } from "./random.js";
import { bundle } from "./step-kill/bundle.js";
import { type MkRun, runMk } from "./step-kill/run-mk.js";

const SCRIPT = join(import.meta.dirname, "process-driver", "machine.mjs");
const PROCESSES = 8;
const ROUNDS = 6;
const SEED = Number(process.env.MK_SEED ?? Date.now() % 1_000_000);
/** What a command may say that lost a race: somebody works on the machine, or it is not there, or not any more. */
const LOST = ["MACHINE_BUSY", "MACHINE_ABSENT"];

it("lets one process at a time work on a machine, whatever eight of them want", async () => {
  await using directory = await temporaryDirectory("mk-race-");
  const home = directory.join("home");
  const program = await bundle(join(import.meta.dirname, "step-kill", "mk-process.ts"), directory.path);
  await using mk = createMk({ home, drivers: [processDriver({ script: SCRIPT })], images: fakeImages() });
  const random = seededRandom(SEED);
  const counts = new Map<string, number>();

  const pids = (): Promise<readonly string[]> => machinePids(join(home, "machines", "one"));
  for (let round = 0; round < ROUNDS; round++) {
    const commands = Array.from({ length: PROCESSES }, () => pick(random, ["start", "start", "stop", "delete"]));
    const runs: readonly MkRun[] = await Promise.all(
      commands.map((command, index) =>
        runMk({
          program,
          args: [home, SCRIPT, "one", command],
          logFile: directory.join(`${round}-${index}.log`),
          deadlineMs: 120_000,
        }),
      ),
    );
    for (const { outcome, stderr, signal } of runs) {
      expect({ stderr, signal }, `MK_SEED=${SEED}`).toEqual({ stderr: "", signal: null });
      const said = outcome !== undefined && "code" in outcome ? outcome.code : "done";
      expect(["done", ...LOST], JSON.stringify(outcome)).toContain(said);
      counts.set(said, (counts.get(said) ?? 0) + 1);
    }
    const [machine] = await mk.list();
    const state = machine?.status.state ?? "absent";
    expect(machine?.problem).toBeUndefined();
    expect(["running", "stopped", "absent"]).toContain(state);
    expect(await pids()).toHaveLength(state === "running" ? 1 : 0);
  }
  await (await mk.start({ name: "one" })).delete();
  await until("no process is left", async () => (await pids()).length === 0);
  expect(await readdir(join(home, "machines"))).toEqual([]);
  expect(await readdir(join(home, "locks"))).toEqual([]);
  console.log(`races: ${ROUNDS} rounds of ${PROCESSES}, seed ${SEED}: ${JSON.stringify(Object.fromEntries(counts))}`);
}, 600_000);

function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}
