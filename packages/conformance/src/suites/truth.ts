import { expect } from "vitest";
import type { Bench } from "../bench.js";
import { type Suite, suiteOf } from "../contract-test.js";

/**
 * What the world does to a machine behind mk's back. A driver believes no file: not that a process lives, not that a pid is
 * still its own, not that a disk is there.
 */
export const truth: Suite = ({ mode, open }) =>
  suiteOf("truth", {
    "inspects and removes a machine whose record was lost": async () => {
      await using bench = await open();
      await bench.reach("stopped");
      bench.record = undefined;
      await bench.inspect();
      await expectRemoved(bench);
    },
    "inspects and removes a machine whose record is another driver's": async () => {
      for (const record of ["null", "42", '"text"', "[]", "{}", '{"version":1,"process":{"pid":-1}}']) {
        await using bench = await open();
        await bench.reach("stopped");
        bench.record = record;
        await bench.inspect();
        await expectRemoved(bench);
      }
    },
    "inspects and removes a machine whose directory was emptied": async () => {
      await using bench = await open();
      await bench.reach("stopped");
      for (const name of await bench.host.files.list(bench.directory)) {
        await bench.host.files.remove(`${bench.directory}/${name}`);
      }
      await bench.inspect();
      await expectRemoved(bench);
    },
    ...(mode === "scripted" && {
      "is not running after a reboot of its host, and starts again": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        await bench.scripted.reboot();
        await settled(bench);
        expect(await bench.state()).toBe("stopped");
        expect(await bench.state(machine)).toBe("stopped");
        const again = await bench.handle();
        await bench.call((op) => again.start(op));
        expect(await bench.state()).toBe("running");
      },
      "leaves nothing when it is removed after a reboot of its host": async () => {
        await using bench = await open();
        await bench.reach("running");
        await bench.scripted.reboot();
        await settled(bench);
        await expectRemoved(bench);
        const { left } = await bench.leftovers();
        expect(left.filter((line) => !line.startsWith("process ") && !line.startsWith("listener "))).toEqual([]);
      },
      "is not running when its own processes were killed, and starts again": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        if (killOwn(bench).length === 0) return;
        expect(await bench.state()).toBe("stopped");
        await bench.call((op) => machine.start(op));
        expect(await bench.state()).toBe("running");
      },
      "never takes a process for its own that only has the pid, and never signals it": async () => {
        for (const act of ["kill", "remove"] as const) {
          await using bench = await open();
          const machine = await bench.reach("running");
          const strangers = killOwn(bench).map((pid) => bench.scripted.processes.reuse(pid));
          expect(strangers.length > 0 ? await bench.state() : "stopped").toBe("stopped");
          await bench.call((op) => machine[act](op));
          for (const stranger of strangers) expect(await bench.host.processes.isAlive(stranger)).toBe(true);
        }
      },
      "runs, and can be killed, when its program is a script that executes the real one": async () => {
        await using bench = await open();
        bench.scripted.processes.wrapped = true;
        const machine = await bench.reach("running");
        expect(await bench.state()).toBe("running");
        const own = ownPids(bench);
        await bench.call((op) => machine.kill(op));
        expect(await bench.state()).toBe("stopped");
        expect(ownPids(bench).filter((pid) => own.includes(pid))).toEqual([]);
      },
      "does nothing between operations, not even when its process ends": async () => {
        await using bench = await open();
        await bench.reach("running");
        const calls: string[] = [];
        bench.disturb(({ name, subject }) => void calls.push(`${name} of ${subject}`));
        killOwn(bench);
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect(calls).toEqual([]);
      },
      "asks the guest to shut down: a stop that the guest obeys kills no process": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        const killed: string[] = [];
        bench.disturb(({ name, args }) => {
          if (name === "processes.signal" && args[1] === "SIGKILL") killed.push(JSON.stringify(args[0]));
        });
        await bench.call((op) => machine.stop(op));
        expect(killed).toEqual([]);
      },
      "listens on loopback addresses alone": async () => {
        await using bench = await open();
        const leased: unknown[] = [];
        bench.disturb(({ name, args }) => {
          if (name === "network.leasePort")
            leased.push((args[0] as { host?: string } | undefined)?.host ?? "127.0.0.1");
        });
        await bench.reach("running");
        const now = await bench.inventory();
        const opened = now.filter((line) => !bench.before.includes(line));
        const hosts = opened.flatMap((line) => /^listener on ([^/]*):\d+$/.exec(line)?.[1] ?? []);
        expect([...hosts, ...leased].filter((host) => !LOOPBACK.test(String(host)))).toEqual([]);
      },
      "returns from kill only when nothing of the machine runs": async () => {
        await using bench = await open();
        const machine = await bench.reach("running");
        const own = ownPids(bench);
        await bench.call((op) => machine.kill(op));
        const alive = bench.scripted.processes.list().map(({ identity }) => identity.pid);
        expect(own.filter((pid) => alive.includes(pid))).toEqual([]);
      },
    }),
  });

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[?::1\]?|localhost)$/;

/** Processes that came after the bench was opened: the machine's. */
function ownPids(bench: Bench): readonly number[] {
  const before = new Set(bench.before.map((line) => /^process (\d+)/.exec(line)?.[1]));
  return bench.scripted.processes
    .list()
    .map(({ identity }) => identity.pid)
    .filter((pid) => !before.has(String(pid)));
}

function killOwn(bench: Bench): readonly number[] {
  const own = ownPids(bench);
  for (const { identity, end } of bench.scripted.processes.list()) {
    if (own.includes(identity.pid)) end({ exitCode: null, signal: "SIGKILL" });
  }
  return own;
}

/** Lets the services of a rebooted host come up. */
function settled(bench: Bench): Promise<void> {
  return bench.host.delay(1000, new AbortController().signal);
}

async function expectRemoved(bench: Bench): Promise<void> {
  const machine = await bench.handle();
  await bench.call((op) => machine.remove(op));
  expect(await bench.state()).toBe("absent");
  await bench.closeAll();
}
