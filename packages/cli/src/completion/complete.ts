import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createRegistry, namedOptions, SETTINGS } from "@mk/core";
import { declare } from "../cli.js";
import type { Context } from "../context.js";
import { type Candidate, type CompletionFacts, candidates } from "./candidates.js";

/** Answers a shell that completes `mk …`: candidates a line. Never fails: a Tab must not print errors. */
export async function complete(context: Context, words: readonly string[]): Promise<void> {
  const found = await candidates(
    declare(() => {}),
    words.map((word) => (word === '""' ? "" : word)),
    completionFacts(context),
  ).catch(() => []);
  for (const { value, description } of found) {
    context.stdout.line(description === undefined ? value : `${value}\t${description}`);
  }
}

function completionFacts({ home, discover, signal }: Context): CompletionFacts {
  const registry = async () => createRegistry(await discover());
  const options = async (driver: string) => namedOptions(await (await registry()).load(driver, signal));
  return {
    // Names of directories, not states: asking each hypervisor would take longer than a Tab may.
    machines: async () => (await readdir(join(home, "machines")).catch(() => [])).sort(),
    drivers: async () => (await discover()).found.map(({ name, origin }) => ({ value: name, description: origin })),
    options,
    settings: async () => {
      const own = Object.entries(SETTINGS).map(
        ([value, { describe }]): Candidate => ({ value, description: describe }),
      );
      const ofDrivers = await Promise.all(
        (await discover()).found.map(async ({ name }) => await options(name).catch(() => [])),
      );
      return [...own, ...ofDrivers.flat().map(({ setting, spec }) => ({ value: setting, description: spec.describe }))];
    },
  };
}
