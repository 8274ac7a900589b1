import { appendFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMk, type Mk, MkError } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { expect } from "vitest";
import { fakeImages } from "../images.js";
import { machinePids } from "../process-driver/machine-pids.js";
import { killDriver } from "./kill-driver.js";
import { type MkRun, runMk } from "./run-mk.js";

/** What is done to which machine. */
export interface Scenario {
  readonly title: string;
  readonly command: "start" | "stop" | "cut" | "pause" | "resume" | "delete" | "reconfigure" | "recreate";
  /** `damaged`: stopped, and its config is no JSON any more. */
  readonly before: "absent" | "stopped" | "running" | "paused" | "damaged";
  /** The failpoint at which the command fails with {@link FAULT}: it is cut off in what it does then. */
  readonly fails?: string;
  /** Where alone it is cut off: what else it does is cut off in other scenarios. By default everywhere. */
  readonly places?: RegExp;
}

/** The error of a command that is to fail. */
export const FAULT = "DRIVER_FAILED";

/** All but what the store and the lock do within steps. */
const STEPS = /^(?!store\.|lock\.)/;

export const SCENARIOS: readonly Scenario[] = [
  { title: "create and start", command: "start", before: "absent" },
  { title: "create that fails", command: "start", before: "absent", fails: "create.driver:after" },
  { title: "start", command: "start", before: "stopped" },
  { title: "start that fails", command: "start", before: "stopped", fails: "start.ready:after" },
  { title: "start of a paused machine", command: "start", before: "paused", places: STEPS },
  { title: "start of a damaged machine", command: "start", before: "damaged", places: /^store\.quarantine/ },
  { title: "stop", command: "stop", before: "running" },
  { title: "stop of a paused machine", command: "stop", before: "paused", places: STEPS },
  { title: "stop by force", command: "cut", before: "running", places: STEPS },
  { title: "pause", command: "pause", before: "running" },
  { title: "resume", command: "resume", before: "paused" },
  { title: "recreate", command: "recreate", before: "running" },
  { title: "recreate that fails", command: "recreate", before: "running", fails: "create.driver:after", places: STEPS },
  { title: "reconfigure", command: "reconfigure", before: "running" },
  {
    title: "reconfigure that fails",
    command: "reconfigure",
    before: "running",
    fails: "reconfigure.driver:after",
    places: /^(?:reconfigure\.|store\.(?:config|last-good|resolve):)/,
  },
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
  const mk = createMk({ home: home.path, drivers: [killDriver(SCRIPT)], images: fakeImages() });
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
    if (before === "stopped" || before === "damaged") await victim.stop();
    if (before === "paused") await victim.pause();
    victimId = (await victim.info()).id;
    victimDisk = await readFile(home.join("machines", VICTIM, "disk.raw"), "utf8");
    if (before === "damaged") await appendFile(home.join("machines", VICTIM, "config.json"), "}");
  }

  async function check(scenario: Scenario, run: MkRun, deleteFirst: boolean): Promise<void> {
    const directory = home.join("machines", VICTIM);
    // 3 and 8: it ended by itself or by the kill, with an error that is typed.
    expect(run.signal === "SIGABRT", "the command hung").toBe(false);
    expect(run.stderr).toBe("");
    // A signal that came when all was done changes nothing but the exit code.
    const ended = run.outcome !== undefined && "code" in run.outcome ? run.outcome.code : "done";
    const failure = scenario.fails === undefined ? [] : [FAULT];
    if (run.exitCode !== null && run.exitCode !== 0) expect(["done", "CANCELLED", ...failure]).toContain(ended);

    // 2 and 7: every state file is whole, the others work. What was damaged before is told until it is repaired.
    const list = await mk.list();
    const told = list.filter(({ name }) => scenario.before !== "damaged" || name !== VICTIM);
    for (const machine of told) expect(machine).not.toHaveProperty("problem");
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

    // 6: "running" or "paused" only with a process that proves it, and nothing runs unseen. A process whose mk was killed while it was
    // being born finds that out by itself; until then it is not a machine.
    const state = victim?.status.state ?? "absent";
    if (state === "running" || state === "paused") expect(await machinePids(directory)).toHaveLength(1);
    if (state === "stopped" || state === "absent") {
      await until("the listed state is the real one", async () => {
        const seen = (await mk.list()).find(({ name }) => name === VICTIM)?.status.state ?? "absent";
        return (await machinePids(directory)).length === (seen === "running" || seen === "paused" ? 1 : 0);
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
