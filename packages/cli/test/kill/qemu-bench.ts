import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createMk, type Endpoint, type Mk, MkError, type StartRequest } from "@mk/core";
import qemu from "@mk/driver-qemu";
import { guestImages } from "@mk/guest";
import { installTinyImage, temporaryDirectory, until } from "@mk/testing";
import { expect } from "vitest";
import { startMk, textOf } from "../run-mk.js";

export interface Scenario {
  readonly title: string;
  readonly args: readonly string[];
  readonly before: "absent" | "stopped" | "running" | "paused";
  /** The failpoint at which the command fails: it is killed in what it does then. */
  readonly fails?: string;
  /** It is killed only where no scenario above it is. */
  readonly isVariant?: true;
}

const VICTIM = "victim";
const BYSTANDER = "bystander";
const SMALL = ["--driver=qemu", "--cpus=1", "--memory=64m", "--disk-size=64m"];
const REQUEST: StartRequest = { driver: "qemu", cpus: 1, memoryMiB: 64, diskMiB: 64 };

export const SCENARIOS: readonly Scenario[] = [
  { title: "mk start of a new machine", args: ["start", "-p", VICTIM, ...SMALL], before: "absent" },
  { title: "mk start", args: ["start", "-p", VICTIM], before: "stopped" },
  { title: "mk stop", args: ["stop", "-p", VICTIM], before: "running" },
  { title: "mk delete", args: ["delete", "-p", VICTIM], before: "running" },
  { title: "mk start of a paused machine", args: ["start", "-p", VICTIM], before: "paused", isVariant: true },
  { title: "mk stop of a paused machine", args: ["stop", "-p", VICTIM], before: "paused", isVariant: true },
  { title: "mk stop --force", args: ["stop", "-p", VICTIM, "--force"], before: "running", isVariant: true },
  {
    title: "a failing mk start of a new machine",
    args: ["start", "-p", VICTIM, ...SMALL],
    before: "absent",
    fails: "create.driver:after",
    isVariant: true,
  },
  {
    title: "a failing mk start",
    args: ["start", "-p", VICTIM],
    before: "stopped",
    fails: "start.ready:after",
    isVariant: true,
  },
];

export interface CutOff {
  readonly signal: NodeJS.Signals | null;
  readonly exitCode: number | null;
  readonly stderr: string;
  readonly hits: readonly { readonly name: string; readonly action: string }[];
}

/** A home with a paused bystander; the victim is made for each run. All machines are QEMU processes. */
export interface QemuBench extends AsyncDisposable {
  run(scenario: Scenario, failpoints: string): Promise<CutOff>;
  /** Checks the promises after a run; the next command is a delete, or a start and then a delete. */
  check(scenario: Scenario, deleteFirst: boolean): Promise<void>;
}

export async function openQemuBench(): Promise<QemuBench> {
  const directory = await temporaryDirectory("mk-cli-kill-");
  const home = directory.join("home");
  await installTinyImage(home);
  const mk = createMk({ home, drivers: [qemu], images: guestImages({ home }) });
  const bystander = await mk.start({ ...REQUEST, name: BYSTANDER });
  // A guest that waits for its power button uses a whole CPU.
  await bystander.pause();
  const bystanderPids = await qemusOf(home, BYSTANDER);
  const bystanderDisk = await diskOf(home, BYSTANDER);
  const clean = await filesOf(home);
  let victimDisk: string | undefined;
  let runs = 0;

  return {
    async run({ args, before }, failpoints) {
      victimDisk = undefined;
      if (before !== "absent") {
        const victim = await mk.start({ ...REQUEST, name: VICTIM });
        if (before === "stopped") await victim.stop({ force: true });
        if (before === "paused") await victim.pause();
        victimDisk = await diskOf(home, VICTIM);
      }
      const logFile = directory.join(`hits-${++runs}`);
      const child = startMk(args, {
        home,
        driverPath: "",
        env: { MK_FAILPOINTS: failpoints, MK_FAILPOINTS_LOG: logFile },
      });
      child.stdin.end();
      const [stderr] = await Promise.all([textOf(child.stderr), textOf(child.stdout), once(child, "close")]);
      const log = await readFile(logFile, "utf8").catch(() => "");
      await rm(logFile, { force: true });
      const hits = log.split("\n").flatMap((line) => {
        const [name = "", action = ""] = line.split(" ");
        return name === "" ? [] : [{ name, action }];
      });
      return { signal: child.signalCode, exitCode: child.exitCode, stderr, hits };
    },

    async check({ title }, deleteFirst) {
      // Every state file is whole; the bystander is untouched.
      const list = await mk.list();
      for (const machine of list) expect(machine).not.toHaveProperty("problem");
      expect(list.find(({ name }) => name === BYSTANDER)).toMatchObject({ status: { state: "paused" } });
      expect(await qemusOf(home, BYSTANDER)).toEqual(bystanderPids);
      expect(await diskOf(home, BYSTANDER)).toBe(bystanderDisk);
      // What existed exists, its data unchanged, unless it was being deleted.
      const kept = victimDisk !== undefined && !title.includes("delete");
      if (kept) expect(await diskOf(home, VICTIM)).toBe(victimDisk);
      // The state that is told has a process to prove it, or none does. A QEMU that was just being born when mk was killed settles first.
      await until("the listed state is the real one", async () => {
        const state = (await mk.list()).find(({ name }) => name === VICTIM)?.status.state ?? "absent";
        const processes = (await qemusOf(home, VICTIM)).length;
        if (state === "broken" || state === "starting") return processes <= 1;
        return processes === (state === "stopped" || state === "absent" ? 0 : 1);
      });
      if (!deleteFirst) {
        const started = await mk.start({ ...REQUEST, name: VICTIM });
        expect(await started.status()).toEqual({ state: "running" });
        expect(await qemusOf(home, VICTIM)).toHaveLength(1);
        await assertListening(await started.endpoint(22));
        if (kept) expect(await diskOf(home, VICTIM)).toBe(victimDisk);
      }
      await deleteVictim(mk, deleteFirst);
      await until("no QEMU is left", async () => (await qemusOf(home, VICTIM)).length === 0);
      expect(await filesOf(home)).toEqual(clean);
    },

    async [Symbol.asyncDispose]() {
      for (const { name } of await mk.list()) await (await mk.machine(name)).delete({ forget: true });
      await mk[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Rejects when nobody listens there. */
async function assertListening(endpoint: Endpoint): Promise<void> {
  const socket = connect(endpoint);
  await once(socket, "connect");
  socket.destroy();
}

async function deleteVictim(mk: Mk, mayBeAbsent: boolean): Promise<void> {
  try {
    await (await mk.machine(VICTIM)).delete();
  } catch (error) {
    if (!mayBeAbsent || !MkError.is(error, "MACHINE_ABSENT")) throw error;
  }
}

/** QEMU processes with the machine's directory in their command line. */
async function qemusOf(home: string, name: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return command.startsWith("/") &&
        command.includes("qemu-system") &&
        command.includes(join(home, "machines", name, ""))
        ? [pid]
        : [];
    }),
  );
  return found.flat();
}

/** Digest of the machine's data disk. */
async function diskOf(home: string, name: string): Promise<string> {
  const directory = join(home, "machines", name);
  const disk = (await readdir(directory)).find((entry) => /^data\b|^disk\b/.test(entry));
  return createHash("sha256")
    .update(await readFile(join(directory, disk ?? "data")))
    .digest("hex");
}

/** Everything of mk's home but what lives on: the bystander, and the cache, whose facts are found as they are needed. */
async function filesOf(home: string): Promise<readonly string[]> {
  const entries = await readdir(home, { recursive: true });
  return entries.filter((entry) => !entry.startsWith(join("machines", BYSTANDER)) && !entry.startsWith("cache")).sort();
}
