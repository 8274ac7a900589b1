import { readFile, writeFile } from "node:fs/promises";
import { type ContractTest, contractTests, memoryDriver, scriptedHost } from "@mk/conformance";
import { expect, test } from "vitest";
import { contractList } from "../src/contract-list.js";
import { processDriver } from "./process-driver/driver.js";
import { processHost } from "./process-driver/host.js";

const FILE = new URL("../CONTRACT.md", import.meta.url);
const HEAD = `# The driver contract, as the kit proves it

Made by \`MK_UPDATE_DOCS=1 vitest\` from the tests themselves. Suites named after an ability apply to drivers that have it,
"absent abilities" to those that lack it; "faults" and most of "truth" need a scripted host.

`;

// CONTRACT.md is made from the tests. MK_UPDATE_DOCS=1 writes it; without it the test compares.
test("CONTRACT.md lists every sentence that the kit proves", async () => {
  const packageJson = { name: "mk-driver-memory" };
  const all = [
    ...(await contractTests(memoryDriver(), { host: async () => scriptedHost(), packageJson })),
    // Lacks what the memory driver has.
    ...(await contractTests(processDriver(), { host: processHost })),
  ];
  const made = HEAD + contractList(uniqueByTitle(all));
  if (process.env.MK_UPDATE_DOCS) await writeFile(FILE, made);
  expect(await readFile(FILE, "utf8")).toBe(made);
});

test("no two sentences are the same", async () => {
  const tests = await contractTests(memoryDriver(), { host: async () => scriptedHost() });
  expect(uniqueByTitle(tests)).toHaveLength(tests.length);
});

function uniqueByTitle(tests: readonly ContractTest[]): readonly ContractTest[] {
  return [...new Map(tests.map((each) => [each.title, each])).values()];
}
