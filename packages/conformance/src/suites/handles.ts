import type { Machine } from "@mk/core";
import { expect } from "vitest";
import { accessOf } from "../access.js";
import { type Suite, suiteOf } from "../contract-test.js";
import { throughJson } from "../plain-json.js";

/** Nothing is true because a handle remembers it: another process may have changed it. */
export const handles: Suite = ({ open }) =>
  suiteOf("handles", {
    "sees in a second handle what the first did": async () => {
      await using bench = await open();
      const first = await bench.handle();
      const second = await bench.handle();
      expect(await bench.state(second)).toBe("absent");
      await bench.call((op) => first.create(op));
      expect(await bench.state(second)).toBe(await bench.state(first));
      if ((await bench.state(first)) === "stopped") await bench.call((op) => first.start(op));
      expect(await bench.state(second)).toBe("running");
      await bench.call((op) => first.kill(op));
      expect(await bench.state(second)).toBe("stopped");
      await bench.call((op) => first.remove(op));
      expect(await bench.state(second)).toBe("absent");
    },
    "stops by a second handle what the first started": async () => {
      await using bench = await open();
      const first = await bench.reach("running");
      const second = await bench.handle();
      await bench.call((op) => second.stop(op));
      expect(await bench.state(first)).toBe("stopped");
    },
    "removes by a second handle what the first started": async () => {
      await using bench = await open();
      const first = await bench.reach("running");
      const second = await bench.handle();
      await bench.call((op) => second.remove(op));
      expect(await bench.state(first)).toBe("absent");
      await bench.closeAll();
      expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
    },
    "leaves the config that it is opened with as it is": async () => {
      await using bench = await open();
      const config = bench.parseConfig(bench.config);
      const before = throughJson(config);
      const machine = await bench.driver.createDriver(config, bench.context());
      await bench.call((op) => machine.create(op));
      await bench.call((op) => machine.inspect(op));
      await bench.call((op) => machine.remove(op));
      await machine.close?.();
      expect(throughJson(config)).toEqual(before);
    },
    "answers the same access and endpoint by every handle": async () => {
      await using bench = await open();
      const first = await bench.reach("running");
      const second = await bench.handle();
      const answers = async (machine: Machine) => [
        await bench.call((op) => accessOf(machine, op)),
        await bench.call((op) => machine.endpoint(22, op)),
      ];
      expect(await answers(second)).toEqual(await answers(first));
    },
  });
