import type { ContractTest } from "./contract-test.js";

/** The tests as a Markdown list, by suite: the contract in sentences. */
export function contractList(tests: readonly ContractTest[]): string {
  const suites = [...new Set(tests.map(({ suite }) => suite))];
  return suites
    .map((suite) => {
      const titles = tests.filter((each) => each.suite === suite).map(({ title }) => `- ${title}`);
      return [`## ${suite}`, "", ...titles, ""].join("\n");
    })
    .join("\n");
}
