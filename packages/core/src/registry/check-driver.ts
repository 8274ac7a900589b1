import { CONTRACT_VERSION, type Driver } from "../contract/driver.js";
import { MkError } from "../errors.js";
import { isDriverName } from "./driver-name.js";

/** Every installer has a place of its own: another one would only put a second mk beside the first. */
export const UPDATE_MK = "Update mk with the tool that installed it.";

const FUNCTIONS = ["status", "createConfig", "parseConfig", "createDriver"] as const;

/**
 * Proves that a module's export is a driver of this contract and has the name its manifest promised. Structural: the package may carry
 * its own copy of core. DRIVER_UNSUPPORTED for another contract major, DRIVER_INVALID for everything else.
 */
export function checkDriver(value: unknown, expected: { readonly name?: string; readonly origin: string }): Driver {
  const invalid = (what: string) =>
    new MkError("DRIVER_INVALID", `${expected.origin} ${what}`, {
      hint: "Report this to the driver's author, or remove the package.",
    });
  if (typeof value !== "object" || value === null) throw invalid("does not export a driver as its default");
  const driver = value as Driver;
  if (driver.contract !== CONTRACT_VERSION) {
    if (typeof driver.contract !== "number") throw invalid("does not export a driver made by defineDriver");
    throw unsupportedContract(expected.origin, driver.contract);
  }
  if (!isDriverName(driver.name)) throw invalid("exports a driver without a valid name");
  if (expected.name !== undefined && driver.name !== expected.name) {
    throw invalid(`exports a driver called ${driver.name} where its manifest says ${expected.name}`);
  }
  for (const name of FUNCTIONS) {
    if (typeof driver[name] !== "function") throw invalid(`exports a driver without ${name}`);
  }
  if (typeof driver.options !== "object" || driver.options === null) throw invalid("exports a driver without options");
  return driver;
}

/** The error for a driver of another contract major, with the side that must be updated. */
export function unsupportedContract(origin: string, contract: number): MkError {
  const newer = contract > CONTRACT_VERSION;
  return new MkError(
    "DRIVER_UNSUPPORTED",
    `${origin} is written for version ${contract} of the driver contract, this mk has version ${CONTRACT_VERSION}`,
    { hint: newer ? UPDATE_MK : "Update the driver's package." },
  );
}
