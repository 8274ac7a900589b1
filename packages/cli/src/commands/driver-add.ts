import type { Command } from "../context.js";
import { addedPackages, packageSpec } from "../driver-store.js";
import { assertNoneRefused, installDrivers } from "../install-drivers.js";
import { table } from "../terminal/table.js";

/** Installs packages and keeps only those that turn out to be drivers which work with this mk. */
export const driverAdd: Command = async (context, words) => {
  const { output, quiet, stdout } = context;
  const specs = words.map((word) => packageSpec(word, process.cwd()));
  const { installed, refused } = await installDrivers(context, specs);
  const added = await addedPackages(context);
  const drivers = installed.map(({ name, packageName, version }) => ({
    name,
    packageName,
    version,
    integrity: added.get(packageName)?.integrity,
  }));
  if (output === "json") stdout.json(drivers);
  else if (!quiet && drivers.length > 0) {
    stdout.line(
      table(
        drivers.map(({ name, packageName, version, integrity }) => [
          name,
          `${packageName}@${version}`,
          integrity ?? "",
        ]),
      ),
    );
  } else if (!quiet && refused.length === 0) stdout.line("Nothing changed: it is installed already.");
  assertNoneRefused(refused);
};
