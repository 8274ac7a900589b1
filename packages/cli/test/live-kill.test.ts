import { availableParallelism } from "node:os";
import { listFailpoints } from "@mk/core";
import { live, shareOut } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openQemuBench, type QemuBench, SCENARIOS } from "./kill/qemu-bench.js";

const suite = await live({ needs: ["qemu", "linux"] });

suite("mk, killed at any step of a real QEMU machine", () => {
  /** One case alone, as the report of a failure names it. */
  const only = process.env.MK_KILL_ONLY;
  const counts = { run: 0, survived: 0, steps: new Set<string>() };
  /** Homes of their own: one case is waiting for a process most of the time. */
  let benches: readonly QemuBench[] = [];

  beforeAll(async () => {
    benches = await Promise.all(Array.from({ length: availableParallelism() }, () => openQemuBench()));
  });
  afterAll(async () => {
    for (const bench of benches) await bench[Symbol.asyncDispose]();
    const { run, survived, steps } = counts;
    console.log(
      `QEMU: killed at ${steps.size} places of steps, ${run} runs, ${survived} survived (repeat one: MK_KILL_ONLY="<failpoint>=1*kill")`,
    );
  });

  for (const scenario of SCENARIOS) {
    it(`keeps every promise when ${scenario.title} is killed`, async () => {
      const [first] = benches;
      if (first === undefined) throw new TypeError("there is no bench");
      const fault = scenario.fails === undefined ? "" : `${scenario.fails}=1*error(DRIVER_FAILED);`;
      const whole = await first.run(scenario, fault);
      expect(whole.exitCode === 0, whole.stderr).toBe(fault === "");
      await first.check(scenario, true);
      const afterFault = whole.hits.slice(whole.hits.findIndex(({ action }) => action === "error") + 1);
      // Steps of the operations, those of the driver too; the store's own are killed in core's tests.
      const names = [...new Set(afterFault.map(({ name }) => name))]
        .filter((name) => !/^(?:store|lock)\./.test(name))
        .filter((name) => !scenario.isVariant || !counts.steps.has(name))
        .filter((name) => only === undefined || only === `${fault}${name}=1*kill`);
      await shareOut(benches, names, async (bench, name, index) => {
        const failpoints = `${fault}${name}=1*kill`;
        counts.steps.add(name);
        counts.run++;
        try {
          const run = await bench.run(scenario, failpoints);
          expect(run.hits).toContainEqual({ name, action: "kill" });
          expect(run.signal).toBe("SIGKILL");
          await bench.check(scenario, index % 2 === 1);
          counts.survived++;
        } catch (cause) {
          throw new Error(`${scenario.title}: MK_KILL_ONLY="${failpoints}"`, { cause });
        }
      });
    }, 1_200_000);
  }

  it.skipIf(only !== undefined)(
    "is killed before and after each exported step of create, start, stop and delete",
    () => {
      const steps = listFailpoints().filter((name) => /^(?:create|start|stop|delete)\./.test(name));
      // No machine is made anew here, and that an engine's address is known only later is no matter of QEMU, whose ports are on loopback.
      const elsewhere = /^(?:create\.(?:replace|intent)|start\.certificate):/;
      expect(steps.filter((name) => !elsewhere.test(name) && !counts.steps.has(name))).toEqual([]);
    },
  );
});
