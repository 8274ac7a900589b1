import { CONTRACT_VERSION, type Driver, type DriverDefinition } from "./contract/driver.js";
import type { OptionSpecs } from "./contract/options.js";
import { isDriverName } from "./registry/driver-name.js";

/**
 * Makes a driver of its definition: defaults filled in, frozen. TypeError for a definition that breaks the rules for names.
 * A driver package exports the result as its default.
 */
export function defineDriver<const O extends OptionSpecs, C>(definition: DriverDefinition<O, C>): Driver {
  for (const name of [definition.name, ...(definition.aliases ?? [])]) {
    if (isDriverName(name)) continue;
    throw new TypeError(`driver name ${JSON.stringify(name)} is not a letter and up to 31 letters, digits and hyphens`);
  }
  const filled: DriverDefinition<O, C> & { contract: typeof CONTRACT_VERSION } = {
    aliases: [],
    builtin: true,
    external: false,
    autoSelect: true,
    ...definition,
    contract: CONTRACT_VERSION,
  };
  // Erasing O and C is sound: core calls createConfig only with options it validated, createDriver only with what parseConfig gave.
  return Object.freeze(filled) as unknown as Driver;
}
