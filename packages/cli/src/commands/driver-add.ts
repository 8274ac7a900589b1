import { MkError } from "@mk/core";
import type { Command, Context } from "../context.js";
import { addedPackages, lockedPackages, packageSpec, runNpm } from "../driver-store.js";
import { findDriversNow } from "../stored-drivers.js";
import { table } from "../terminal/table.js";

/** Installs packages and keeps only those that turn out to be drivers which work with this mk. */
export const driverAdd: Command = async (context, words) => {
  const { home, output, quiet, stdout } = context;
  const before = { added: await addedPackages(home), locked: await lockedPackages(home) };
  await runNpm(context, ["install", "--save-exact", "--", ...words.map(packageSpec)]);
  const locked = await lockedPackages(home);
  const changed = [...(await addedPackages(home)).keys()].filter(
    (name) => locked.get(name)?.integrity !== before.locked.get(name)?.integrity || !before.added.has(name),
  );
  const { usable, problems } = await findDriversNow(context, changed);
  if (problems.length > 0) {
    await goBack(
      context,
      problems.map(({ packageName }) => packageName),
      before.added,
    );
    const reasons = problems.map(({ packageName, reason }) => `${packageName}: ${reason}`);
    throw new MkError("DRIVER_INVALID", reasons.join("; "), {
      hint: "What was there before is there again. Choose another package or version.",
    });
  }
  const drivers = usable.map(({ name, packageName }) => ({ name, packageName, ...locked.get(packageName) }));
  if (output === "json") return stdout.json(drivers);
  if (quiet) return;
  if (drivers.length === 0) return stdout.line("Nothing changed: it is installed already.");
  stdout.line(
    table(
      drivers.map(({ name, packageName, version, integrity }) => [name, `${packageName}@${version}`, integrity ?? ""]),
    ),
  );
};

/** Packages that were there before get their earlier version back, the others go. */
async function goBack(
  context: Context,
  packages: readonly string[],
  before: ReadonlyMap<string, string>,
): Promise<void> {
  const earlier = packages.flatMap((name) => (before.has(name) ? [`${name}@${before.get(name)}`] : []));
  const fresh = packages.filter((name) => !before.has(name));
  if (fresh.length > 0) await runNpm(context, ["uninstall", "--", ...fresh]);
  if (earlier.length > 0) await runNpm(context, ["install", "--save-exact", "--", ...earlier]);
}
