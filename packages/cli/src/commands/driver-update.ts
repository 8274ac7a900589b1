import type { Command } from "../context.js";
import { done } from "../done.js";
import { addedPackages } from "../driver-store.js";
import { assertNoneRefused, installDrivers } from "../install-drivers.js";
import { storedPackages } from "../stored-drivers.js";

/** Brings the packages of mk's own home, all or the named ones, to their newest versions. Those that came from elsewhere than a registry stay. */
export const driverUpdate: Command = async (context, words) => {
  const before = await addedPackages(context);
  const packages = words.length > 0 ? await storedPackages(context, words) : [...before.keys()];
  if (packages.length === 0) done(context, "No driver was installed by mk driver add.");
  const sources = packages.map((name) => ({ name, source: before.get(name)?.source ?? "" }));
  // Whoever has the name of a local package in the registry need not be its author.
  const published = sources.filter(({ source }) => isVersion(source)).map(({ name }) => `${name}@latest`);
  const { refused } = published.length === 0 ? { refused: [] } : await installDrivers(context, published);
  const after = await addedPackages(context);
  const changes = sources
    .filter(({ name }) => !refused.some(({ packageName }) => packageName === name))
    .map(({ name, source }) => ({ name, source, from: before.get(name)?.version, to: after.get(name)?.version }));
  if (context.output === "json") context.stdout.json(changes.map(({ name, from, to }) => ({ name, from, to })));
  for (const { name, source, from, to } of changes) {
    if (!isVersion(source))
      done(context, `${name} stays as it is: it comes from ${source}. Add it again to update it.`);
    else done(context, from === to ? `${name} is ${to} already.` : `${name}: ${from} → ${to}`);
  }
  assertNoneRefused(refused);
};

function isVersion(source: string): boolean {
  return /^\d+\.\d+\.\d+/.test(source);
}
