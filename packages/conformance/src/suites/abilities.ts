import { isIP } from "node:net";
import { MkError } from "@mk/core";
import { expect } from "vitest";
import { ability, type Bench } from "../bench.js";
import { type Ability, type ContractTest, type Subject, type Suite, suiteOf } from "../contract-test.js";
import { markDisks } from "../disks.js";

/** Abilities are declared by being there; each that is there keeps its promise. */
export const abilities: Suite = (subject) =>
  Object.entries(SUITES).flatMap(([name, tests]) => (subject.abilities.has(name as Ability) ? tests(subject) : []));

const SUITES: Readonly<Partial<Record<Ability, (subject: Subject) => readonly ContractTest[]>>> = {
  address: ({ open }) =>
    suiteOf("address", {
      "answers the address of a running machine as an IP address": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        const found = await bench.call(async (op) => machine.address?.(op));
        expect(isIP(found ?? ""), found).not.toBe(0);
      },
    }),
  suspension: ({ open }) =>
    suiteOf("suspension", {
      "pauses and resumes, and the machine runs as before": async () => {
        await using bench = await open();
        const machine = await bench.reach("paused");
        expect(await bench.state()).toBe("paused");
        await bench.call((op) => ability(machine.suspension, "suspension").resume(op));
        expect(await bench.state()).toBe("running");
        await bench.call((op) => machine.stop(op));
        expect(await bench.state()).toBe("stopped");
      },
    }),
  hibernation: ({ open }) =>
    suiteOf("hibernation", {
      "saves a machine, which then needs no process, and starts it again": async () => {
        await using bench = await open();
        const machine = await bench.reach("saved");
        expect(await bench.state()).toBe("saved");
        await bench.call((op) => machine.start(op));
        expect(["starting", "running"]).toContain(await bench.state());
      },
    }),
  snapshots: ({ open }) =>
    suiteOf("snapshots", {
      "takes, lists, restores and removes a snapshot": async () => {
        await using bench = await open();
        const machine = await bench.reach("stopped");
        const snapshots = ability(machine.snapshots, "snapshots");
        expect(await bench.call((op) => snapshots.list(op))).toEqual([]);
        await bench.call((op) => snapshots.take("first", op));
        const listed = await bench.call((op) => snapshots.list(op));
        expect(listed.map(({ name }) => name)).toEqual(["first"]);
        for (const { createdAt } of listed) expect(Number.isNaN(Date.parse(createdAt))).toBe(false);
        await bench.call((op) => snapshots.restore("first", op));
        await bench.call((op) => snapshots.remove("first", op));
        expect(await bench.call((op) => snapshots.list(op))).toEqual([]);
      },
      "refuses a snapshot that is not there": async () => {
        await using bench = await open();
        const machine = await bench.reach("stopped");
        const { result } = await bench.run((op) => ability(machine.snapshots, "snapshots").restore("none", op));
        expect(!result.ok && MkError.is(result.error)).toBe(true);
      },
    }),
  mounts: ({ open }) =>
    suiteOf("mounts", {
      "adds a mount to a running machine and removes it": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        const mounts = ability(machine.mounts, "mounts");
        const mount = { source: bench.directory, target: "/mnt/conformance", readOnly: true };
        await bench.call((op) => mounts.add(mount, op));
        await bench.call((op) => mounts.remove(mount.target, op));
        expect(await bench.state()).toBe("running");
      },
    }),
  console: ({ open }) =>
    suiteOf("console", {
      "gives the bytes of the last start, and ends when its signal aborts": async () => {
        await using bench = await open();
        await bench.reach("running");
        expect(await firstBytes(bench)).toBeGreaterThan(0);
      },
      "ends at once when its signal has aborted already": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        for await (const _ of ability(machine.console, "console").read(AbortSignal.abort())) break;
      },
    }),
  reconfigure: ({ mode, open }) =>
    suiteOf("reconfigure", {
      "applies changed settings to a stopped machine, which then starts": async () => {
        await using bench = await open();
        await bench.reach("stopped");
        bench.respecify({ cpus: 3, memoryMiB: 1536 });
        const machine = await bench.handle();
        await bench.call(async (op) => machine.reconfigure?.(op));
        await bench.call((op) => machine.start(op));
        expect(await bench.state()).toBe("running");
      },
      "keeps the data of a machine it reconfigures": async () => {
        await using bench = await open();
        await bench.reach("stopped");
        const before = await bench.inventory();
        const lost = mode === "scripted" ? await markDisks(bench) : async () => [];
        bench.respecify({ cpus: 3, diskMiB: bench.spec.diskMiB * 2 });
        const machine = await bench.handle();
        await bench.call(async (op) => machine.reconfigure?.(op));
        expect(await bench.inventory()).toEqual(before);
        await bench.call((op) => machine.start(op));
        expect(await lost()).toEqual([]);
      },
    }),
  close: ({ open }) =>
    suiteOf("close", {
      "closes a handle, twice as well, and leaves the machine running": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        await machine.close?.();
        await machine.close?.();
        expect(await bench.state(await bench.handle())).toBe("running");
      },
    }),
};

/** Reads the console until it says something, then aborts; the number of bytes. */
async function firstBytes(bench: Bench): Promise<number> {
  const machine = await bench.handle();
  const enough = new AbortController();
  let count = 0;
  const outcome = await bench.run(
    async ({ signal }) => {
      for await (const bytes of ability(machine.console, "console").read(signal)) {
        count += bytes.length;
        enough.abort();
      }
    },
    { signal: enough.signal },
  );
  if (!outcome.result.ok) throw outcome.result.error;
  expect(outcome.listenersLeft, "listeners left on the signal").toBe(0);
  return count;
}
