import { pathToFileURL } from "node:url";
import type { Driver } from "../contract/driver.js";
import { MkError, messageOf } from "../errors.js";
import { checkDriver } from "./check-driver.js";
import type { DriverEntry, DriverManifest } from "./entry.js";

/** The entry of a driver given as a value, for embedding. */
export function valueEntry(driver: Driver): DriverEntry {
  checkDriver(driver, { origin: "the value given in `drivers`" });
  const { name, aliases, builtin } = driver;
  return { name, aliases, builtin, origin: "given by the program", load: async () => driver };
}

/** The entry of an installed package: its code is imported when it is loaded, not before. */
export function packageEntry(manifest: DriverManifest): DriverEntry {
  const origin = `${manifest.packageName}@${manifest.version}`;
  return {
    name: manifest.name,
    aliases: manifest.aliases,
    builtin: true,
    origin,
    manifest,
    load: async (signal) => {
      signal.throwIfAborted();
      let module: { readonly default?: unknown };
      try {
        module = await import(pathToFileURL(manifest.entry).href);
      } catch (cause) {
        throw new MkError(
          "DRIVER_INVALID",
          `${origin} in ${manifest.directory} cannot be loaded: ${messageOf(cause)}`,
          {
            hint: `Install it again: mk driver add ${manifest.packageName}`,
            cause,
          },
        );
      }
      return checkDriver(module.default, { name: manifest.name, origin });
    },
  };
}
