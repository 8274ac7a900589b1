import { join } from "node:path";
import { firstPartyDriver, MkError } from "@mk/core";
import type { Context } from "./context.js";
import { addedPackages, driverStore } from "./driver-store.js";
import { findDrivers } from "./find-drivers.js";

/** What discovery makes of a package in mk's own home. */
export interface StoredDriver {
  readonly packageName: string;
  readonly name: string;
  readonly aliases: readonly string[];
  /** Undefined with a problem. */
  readonly version: string | undefined;
  /** Why this mk cannot use it; undefined if it can. */
  readonly problem: string | undefined;
}

/** Looks for the drivers that these packages of mk's own home are now, whatever is installed elsewhere. */
export async function storedDrivers(
  context: Context,
  packageNames: readonly string[],
): Promise<readonly StoredDriver[]> {
  const { found, skipped } = findDrivers({ home: context.home, env: {}, argv1: undefined, userConfig: {} });
  const { files } = await context.host();
  return await Promise.all(
    packageNames.map(async (packageName) => {
      const directory = await files.realpath(join(driverStore(context.home), "node_modules", packageName));
      // By its place: the same package may lie beside the CLI too, in another version.
      const entry = found.find(({ manifest }) => manifest !== undefined && manifest.directory === directory);
      if (entry !== undefined) {
        const { name, aliases, manifest } = entry;
        return { packageName, name, aliases, version: manifest?.version, problem: undefined };
      }
      const skip = skipped.find(
        ({ origin }) => origin.startsWith(`${packageName}@`) || origin.endsWith(`/${packageName}`),
      );
      return {
        packageName,
        name: skip?.name ?? packageName,
        aliases: [],
        version: undefined,
        problem:
          skip?.reason ?? "it is not a driver: its name is none of @mk/driver-*, mk-driver-*, @scope/mk-driver-*",
      };
    }),
  );
}

/** The packages of mk's own home that are meant by names or aliases of drivers, usable or not, or by names of packages. DRIVER_MISSING. */
export async function storedPackages(context: Context, words: readonly string[]): Promise<readonly string[]> {
  const drivers = await storedDrivers(context, [...(await addedPackages(context)).keys()]);
  return await Promise.all(
    words.map(async (word) => {
      const known = firstPartyDriver(word)?.packageName ?? word;
      const isMeant = (name: string | undefined, aliases: readonly string[], packageName: string | undefined) =>
        packageName === known || name === word || aliases.includes(word);
      const stored = drivers.find(({ name, aliases, packageName }) => isMeant(name, aliases, packageName));
      if (stored !== undefined) return stored.packageName;
      const { found } = await context.discover();
      const elsewhere = found.find(({ name, aliases, manifest }) => isMeant(name, aliases, manifest?.packageName));
      throw new MkError("DRIVER_MISSING", `${word} was not installed by mk driver add`, {
        hint:
          elsewhere?.manifest === undefined
            ? "See what is installed: mk driver list"
            : `Use the tool that installed it in ${elsewhere.manifest.directory}.`,
      });
    }),
  );
}
