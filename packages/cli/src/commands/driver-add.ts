import { MkError } from "@mk/core";
import type { Command } from "../context.js";
import { addedPackages, lockedPackages, packageSpec, runNpm } from "../driver-store.js";
import { findDriversNow } from "../stored-drivers.js";
import { table } from "../terminal/table.js";

/** Installs packages and keeps only those that turn out to be drivers which work with this mk. */
export const driverAdd: Command = async (context, words) => {
  const before = new Set(await addedPackages(context.home));
  await runNpm(context, ["install", "--save-exact", "--", ...words.map(packageSpec)]);
  const added = (await addedPackages(context.home)).filter((name) => !before.has(name));
  const { usable, problems } = await findDriversNow(context, added);
  if (problems.length > 0) {
    await runNpm(context, ["uninstall", "--", ...problems.map(({ packageName }) => packageName)]);
    throw new MkError(
      "DRIVER_INVALID",
      problems.map(({ packageName, reason }) => `${packageName}: ${reason}`).join("; "),
      {
        hint: "It was removed again. Choose another package or version.",
      },
    );
  }
  const locked = await lockedPackages(context.home);
  const installed = usable.length > 0 ? usable : (await findDriversNow(context, [...before])).usable;
  if (context.output === "json")
    return context.stdout.json(
      installed.map(({ name, packageName }) => ({ name, packageName, ...locked.get(packageName) })),
    );
  if (context.quiet) return;
  const rows = installed.map(({ name, packageName }) => [
    name,
    `${packageName}@${locked.get(packageName)?.version}`,
    locked.get(packageName)?.integrity ?? "",
  ]);
  context.stdout.line(table(rows));
};
