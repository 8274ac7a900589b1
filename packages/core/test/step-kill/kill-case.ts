import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMk, type Mk, MkError } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { expect } from "vitest";
import { fakeImages } from "../images.js";
import { machinePids } from "../process-driver/machine-pids.js";
import { processDriver } from "../process-driver/process-driver.js";
import { type MkRun, runMk } from "./run-mk.js";

/** What is done to which machine. */
export interface Scenario {
  readonly title: string;
  readonly command: "start" | "stop" | "delete" | "reconfigure" | "recreate";
  readonly before: "absent" | "stopped" | "running";
}

export const SCENARIOS: readonly Scenario[] = [
  { title: "create and start", command: "start", before: "absent" },
  { title: "start", command: "start", before: "stopped" },
  { title: "stop", command: "stop", before: "running" },
  { title: "recreate", command: "recreate", before: "running" },
  { title: "reconfigure", command: "reconfigure", before: "running" },
  { title: "delete", command: "delete", before: "running" },
];

export type Injection = "kill" | "term" | "int";

/** A home with a bystander that runs, and the victim in the state the scenario wants. */
export interface KillBench extends AsyncDisposable {
  readonly mk: Mk;
  run(scenario: Scenario, failpoints: string): Promise<MkRun>;
  /** Checks the promises of the design after a run that was cut off. `deleteFirst`: the next command is a delete, not a start. */
  check(scenario: Scenario, run: MkRun, deleteFirst: boolean): Promise<void>;
}

const VICTIM = "victim";
const BYSTANDER = "bystander";
/** A setting that nothing here changes. */
const VICTIM_MIB = 777;
const SCRIPT = join(import.meta.dirname, "..", "process-driver", "machine.mjs");

export async function openBench(program: string): Promise<KillBench> {
  const home: TemporaryDirectory = await temporaryDirectory("mk-kill-");
  const mk = createMk({ home: home.path, drivers: [processDriver({ script: SCRIPT })], images: fakeImages() });
  const bystander = await mk.start({ name: BYSTANDER });
  const bystanderPids = await machinePids(home.join("machines", BYSTANDER));
  const bystanderDisk = await readFile(home.join("machines", BYSTANDER, "disk.raw"), "utf8");
  const clean = await filesOf(home.path);
  let victimDisk: string | undefined;
  let victimId: string | undefined;
  let runs = 0;

  async function prepare({ before }: Scenario): Promise<void> {
    victimDisk = undefined;
    if (before === "absent") return;
    const victim = await mk.start({ name: VICTIM, memoryMiB: VICTIM_MIB });
    if (before === "stopped") await victim.stop();
    victimId = (await victim.info()).id;
    victimDisk = await readFile(home.join("machines", VICTIM, "disk.raw"), "utf8");
  }

  async function check(scenario: Scenario, run: MkRun, deleteFirst: boolean): Promise<void> {
    const directory = home.join("machines", VICTIM);
    // 3 and 8: it ended by itself or by the kill, with an error that is typed.
    expect(run.signal === "SIGABRT", "the command hung").toBe(false);
    expect(run.stderr).toBe("");
    // A signal that came when all was done changes nothing but the exit code.
    const ended = run.outcome !== undefined && "code" in run.outcome ? run.outcome.code : "done";
    if (run.exitCode !== null && run.exitCode !== 0) expect(["done", "CANCELLED"]).toContain(ended);

    // 2 and 7: every state file is whole, the others work.
    const list = await mk.list();
    for (const machine of list) expect(machine).not.toHaveProperty("problem");
    expect(list.find(({ name }) => name === BYSTANDER)).toMatchObject({ status: { state: "running" } });
    expect(await machinePids(home.join("machines", BYSTANDER))).toEqual(bystanderPids);
    expect(await readFile(home.join("machines", BYSTANDER, "disk.raw"), "utf8")).toBe(bystanderDisk);

    // 1: what existed still exists, its data unchanged, unless it was being deleted or is being made anew.
    const victim = list.find(({ name }) => name === VICTIM);
    const existed = victimDisk !== undefined && scenario.command !== "delete";
    const isSame = victim?.id === victimId && victim?.status.state !== "broken";
    const keepsData = existed && (scenario.command !== "recreate" || isSame);
    if (existed) expect(victim).toMatchObject({ spec: { memoryMiB: VICTIM_MIB } });
    if (keepsData) expect(await readFile(join(directory, "disk.raw"), "utf8")).toBe(victimDisk);

    // 6: "running" only with a process that proves it, and nothing runs unseen. A process whose mk was killed while it was being born
    // finds that out by itself; until then it is not a machine.
    const state = victim?.status.state ?? "absent";
    if (state === "running") expect(await machinePids(directory)).toHaveLength(1);
    if (state === "stopped" || state === "absent") {
      await until("the listed state is the real one", async () => {
        const seen = (await mk.list()).find(({ name }) => name === VICTIM)?.status.state ?? "absent";
        return (await machinePids(directory)).length === (seen === "running" ? 1 : 0);
      });
    }

    // 4: the next command succeeds without surgery.
    if (!deleteFirst) {
      const started = await mk.start({ name: VICTIM });
      expect(await started.status()).toEqual({ state: "running" });
      expect(await started.exec(["true"])).toMatchObject({ exitCode: 0 });
      expect(await machinePids(directory)).toHaveLength(1);
      if (existed) expect((await started.info()).spec.memoryMiB).toBe(VICTIM_MIB);
      if (keepsData) expect(await readFile(join(directory, "disk.raw"), "utf8")).toBe(victimDisk);
    }
    await mk
      .machine(VICTIM)
      .then((machine) => machine.delete())
      .catch((error: unknown) => {
        // A creation that left nothing, or a deletion that was done.
        if (!deleteFirst || !MkError.is(error, "MACHINE_ABSENT")) throw error;
      });

    // 5: nothing is left of it, nothing else was touched.
    await until("no process is left", async () => (await machinePids(directory)).length === 0);
    expect(await filesOf(home.path)).toEqual(clean);
  }

  return {
    mk,
    async run(scenario, failpoints) {
      await prepare(scenario);
      const logFile = join(home.path, "..", `${home.path.split("/").at(-1)}-${++runs}.log`);
      const args = [home.path, SCRIPT, VICTIM, scenario.command];
      try {
        return await runMk({ program, args, logFile, failpoints });
      } finally {
        await import("node:fs/promises").then(({ rm }) => rm(logFile, { force: true }));
      }
    },
    check,
    async [Symbol.asyncDispose]() {
      for (const name of [VICTIM, BYSTANDER]) {
        await mk
          .machine(name)
          .then((machine) => machine.delete({ forget: true }))
          .catch(() => undefined);
      }
      await bystander[Symbol.asyncDispose]();
      await mk[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

/** Everything below a directory, without the bystander's own, which lives on. */
async function filesOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true });
  return entries.filter((entry) => !entry.startsWith(join("machines", BYSTANDER, ""))).sort();
}
