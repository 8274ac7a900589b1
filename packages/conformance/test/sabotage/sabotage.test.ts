import { contractTests } from "@mk/conformance";
import { afterAll, describe, test } from "vitest";
import type { Broken } from "./broken.js";
import { brokenFacts } from "./broken-facts.js";
import { brokenMachines } from "./broken-machines.js";
import { brokenProcesses } from "./broken-processes.js";

const soak = process.env.MK_SOAK !== undefined;
const BROKEN = [...brokenFacts, ...brokenMachines, ...brokenProcesses];

// Concurrent, since some of the broken drivers hang until the kit gives them up.
describe.concurrent("the kit", () => {
  const rows: { fault: string; caughtBy: string; alsoRed?: number }[] = [];
  for (const broken of BROKEN) {
    test(`catches a driver that ${broken.fault}`, async ({ expect }) => {
      const red = await failing(broken);
      expect(red).toContain(broken.caughtBy);
      rows.push({ fault: broken.fault, caughtBy: broken.caughtBy, ...(soak && { alsoRed: red.length - 1 }) });
    });
  }
  // The list is part of what CI shows.
  afterAll(() => console.table(rows));

  test("is proved by at least twenty broken drivers", ({ expect }) => {
    expect(BROKEN.length).toBeGreaterThanOrEqual(20);
  });
});

/** Titles of the tests that this driver fails: of the one that names its fault, and in a soak of all. */
async function failing({ driver, setup, caughtBy }: Broken): Promise<readonly string[]> {
  const red: string[] = [];
  const tests = await contractTests(driver(), setup);
  for (const { title, run } of soak ? tests : tests.filter((each) => each.title === caughtBy)) {
    await run().catch(() => red.push(title));
  }
  return red;
}
