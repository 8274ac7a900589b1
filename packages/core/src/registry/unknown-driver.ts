import { MkError } from "../errors.js";
import { isDriverName } from "./driver-name.js";
import type { DriverEntry, SkippedDriver } from "./entry.js";
import { FIRST_PARTY_DRIVERS, firstPartyDriver } from "./first-party.js";
import { suggest } from "./suggest.js";

const SKIPPED_CODES = {
  unsupported: "DRIVER_UNSUPPORTED",
  invalid: "DRIVER_INVALID",
  untrusted: "DRIVER_INVALID",
  shadowed: "DRIVER_INVALID",
} as const satisfies Record<SkippedDriver["kind"], string>;

/** Why a name is not a usable driver: found but skipped, known but not installed, mistyped, or unknown. */
export function unknownDriver(
  name: string,
  known: { readonly entries: readonly DriverEntry[]; readonly skipped: readonly SkippedDriver[] },
): MkError {
  const firstParty = firstPartyDriver(name);
  const skipped = known.skipped.find((driver) => driver.name === name || driver.name === firstParty?.name);
  if (skipped !== undefined) {
    return new MkError(
      SKIPPED_CODES[skipped.kind],
      `driver ${name} (${skipped.origin}) cannot be used: ${skipped.reason}`,
      { hint: skipped.fix ?? "Choose another driver: mk driver list", details: { driver: name } },
    );
  }
  if (firstParty !== undefined) {
    return new MkError("DRIVER_MISSING", `driver ${name} is not installed`, {
      hint: `Install it: mk driver add ${firstParty.name}`,
      details: { driver: name, package: firstParty.packageName },
    });
  }
  const installed = known.entries.flatMap((entry) => [entry.name, ...entry.aliases]);
  const meant = suggest(name, [...installed, ...Object.keys(FIRST_PARTY_DRIVERS)]);
  if (meant === undefined) {
    const list = installed.length === 0 ? "none is installed" : `installed: ${installed.join(", ")}`;
    return new MkError("DRIVER_UNKNOWN", `there is no driver called ${JSON.stringify(name)}; ${list}`, {
      hint: isDriverName(name)
        ? `Install the package that brings it with \`mk driver add <package>\`, or put docker-machine-driver-${name} into a directory of PATH.`
        : "See what there is: mk driver list",
      details: { driver: name },
    });
  }
  const isInstalled = installed.includes(meant);
  return new MkError("DRIVER_UNKNOWN", `there is no driver called ${JSON.stringify(name)}; did you mean ${meant}?`, {
    hint: isInstalled ? `Use --driver=${meant}` : `Install it: mk driver add ${meant}`,
    details: { driver: name, suggestion: meant },
  });
}
