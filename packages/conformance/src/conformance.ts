import type { Driver } from "@mk/core";
import { afterAll, describe, test } from "vitest";
import { contractTests } from "./kit.js";
import type { ConformanceSetup } from "./setup.js";

/**
 * Registers the contract's tests for one driver with vitest. Call it once at the top of a test file.
 *
 * Which tests apply follows from the driver: optional abilities are tested when they are there. There is no way to skip a
 * test: what is known to fail is listed in `known`, runs as `test.fails`, and turns red when it starts to pass.
 *
 * @example
 * ```ts
 * conformance(driver, { host: async () => scriptedHost({ programs: { frob } }), packageJson });
 * ```
 */
export function conformance(driver: Driver, setup: ConformanceSetup): void {
  describe(`${driver.name} keeps the driver contract`, async () => {
    const tests = await contractTests(driver, setup);
    const known = new Map(
      setup.known?.flatMap(({ because, tests }) => tests.map((title) => [title, because] as const)),
    );
    const counts = { kept: 0, broken: 0, known: 0 };
    for (const suite of new Set(tests.map((each) => each.suite))) {
      describe(suite, () => {
        for (const { title, run } of tests.filter((each) => each.suite === suite)) {
          const because = known.get(title);
          const counted = async () => {
            await run().catch((error: unknown) => {
              counts[because === undefined ? "broken" : "known"]++;
              throw error;
            });
            counts.kept++;
          };
          if (because === undefined) test(title, counted);
          else test.fails(`${title} (known: ${because})`, counted);
        }
      });
    }
    afterAll(() => {
      const { kept, broken, known: expected } = counts;
      console.log(
        `conformance of ${driver.name} (${setup.mode ?? "scripted"}): ${kept} kept, ${broken} broken, ${expected} known to fail`,
      );
    });
    const titles = new Set(tests.map(({ title }) => title));
    for (const title of [...known.keys()].filter((each) => !titles.has(each))) {
      test(`knows the test it expects to fail: ${title}`, () => {
        throw new TypeError(`the contract has no test of this title for ${driver.name}: ${title}`);
      });
    }
  });
}
