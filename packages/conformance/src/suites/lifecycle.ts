import { expect } from "vitest";
import { type Suite, suiteOf } from "../contract-test.js";
import { markDisks } from "../disks.js";

/** What holds over a machine's whole life. */
export const lifecycle: Suite = ({ driver, mode, open }) =>
  suiteOf("lifecycle", {
    "opens a handle without touching anything": async () => {
      await using bench = await open();
      const calls: string[] = [];
      bench.disturb(({ name }) => void calls.push(name));
      await bench.handle();
      expect(calls).toEqual([]);
    },
    "inspects a machine without changing anything": async () => {
      await using bench = await open();
      for (const state of ["absent", "stopped", "running"] as const) {
        if (state === "stopped") await bench.reach(state);
        if (state === "running") await bench.call(async (op) => (await bench.handle()).start(op));
        // A handle may keep a connection: what counts is what is there without one.
        await bench.closeAll();
        const before = await bench.inventory();
        const record = bench.record;
        for (let again = 0; again < 2; again++) expect(await bench.state()).toBe(state);
        await bench.closeAll();
        expect(await bench.inventory()).toEqual(before);
        expect(bench.record).toBe(record);
      }
    },
    "starts again after a stop, and after a kill": async () => {
      await using bench = await open();
      const machine = await bench.reach("running");
      for (const end of ["stop", "kill"] as const) {
        await bench.call((op) => machine[end](op));
        expect(await bench.state()).toBe("stopped");
        await bench.call((op) => machine.start(op));
        await bench.untilReady();
        expect(await bench.state()).toBe("running");
      }
    },
    ...(mode === "scripted" && {
      "keeps what is on its disks over a stop and a kill": async () => {
        await using bench = await open();
        const machine = await bench.reach("stopped");
        const lost = await markDisks(bench);
        for (const end of ["stop", "kill"] as const) {
          await bench.call((op) => machine.start(op));
          await bench.untilReady();
          await bench.call((op) => machine[end](op));
          expect(await lost(), end).toEqual([]);
        }
      },
    }),
    "removes a machine that runs, and leaves nothing": async () => {
      await using bench = await open();
      const machine = await bench.reach("running");
      await bench.call((op) => machine.remove(op));
      await bench.closeAll();
      expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
    },
    "removes a machine that is stopped, and leaves nothing": async () => {
      await using bench = await open();
      const machine = await bench.reach("stopped");
      await bench.call((op) => machine.remove(op));
      await bench.closeAll();
      expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
    },
    "removes twice": async () => {
      await using bench = await open();
      const machine = await bench.reach("stopped");
      await bench.call((op) => machine.remove(op));
      await bench.call((op) => machine.remove(op));
      expect(await bench.state(machine)).toBe("absent");
    },
    "creates again after a remove": async () => {
      await using bench = await open();
      const machine = await bench.reach("running");
      await bench.call((op) => machine.remove(op));
      await bench.call((op) => machine.create(op));
      expect(["stopped", "running"]).toContain(await bench.state(machine));
    },
    "leaves another machine as it is": async () => {
      await using bench = await open();
      const machine = await bench.reach("running");
      await using other = await bench.beside();
      const second = await other.reach(driver.traits.parallel ? "running" : "stopped");
      await other.call((op) => second.remove(op));
      expect(await bench.state(machine)).toBe("running");
    },
  });
