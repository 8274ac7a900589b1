import { MkError } from "@mk/core";
import type { Command } from "../context.js";
import { done } from "../done.js";
import { addedPackages, lockedPackages, packageSpec, runNpm } from "../driver-store.js";

/** Brings the packages of mk's own home, all or the named ones, to their newest versions. */
export const driverUpdate: Command = async (context, words) => {
  const added = await addedPackages(context.home);
  const named = words.map(packageSpec);
  const missing = named.find((name) => !added.has(name));
  if (missing !== undefined) {
    throw new MkError("DRIVER_MISSING", `${missing} was not installed by mk driver add`, {
      hint: `Install it: mk driver add ${missing}`,
    });
  }
  const packages = named.length > 0 ? named : [...added.keys()];
  if (packages.length === 0) return done(context, "No driver was installed by mk driver add.");
  const before = await lockedPackages(context.home);
  await runNpm(context, ["install", "--save-exact", "--", ...packages.map((name) => `${name}@latest`)]);
  const after = await lockedPackages(context.home);
  const changes = packages.map((name) => ({ name, from: before.get(name)?.version, to: after.get(name)?.version }));
  if (context.output === "json") return context.stdout.json(changes);
  for (const { name, from, to } of changes)
    done(context, from === to ? `${name} is ${to} already.` : `${name}: ${from} → ${to}`);
};
