import type { Context } from "./context.js";
import { findDrivers } from "./find-drivers.js";

export interface StoredDriver {
  readonly name: string;
  readonly packageName: string;
}

/** What discovery makes of packages that were just installed into mk's home: drivers, or the reasons why not. */
export async function findDriversNow(
  context: Context,
  packageNames: readonly string[],
): Promise<{
  readonly usable: readonly StoredDriver[];
  readonly problems: readonly { readonly packageName: string; readonly reason: string }[];
}> {
  const { found, skipped } = findDrivers({ home: context.home, env: {}, argv1: undefined, userConfig: {} });
  const usable: StoredDriver[] = [];
  const problems: { packageName: string; reason: string }[] = [];
  for (const packageName of packageNames) {
    const entry = found.find(({ manifest }) => manifest?.packageName === packageName);
    if (entry !== undefined) {
      usable.push({ name: entry.name, packageName });
      continue;
    }
    const skip = skipped.find(
      ({ origin }) => origin.startsWith(`${packageName}@`) || origin.endsWith(`/${packageName}`),
    );
    problems.push({
      packageName,
      reason: skip?.reason ?? "it is not a driver: its name is none of @mk/driver-*, mk-driver-*, @scope/mk-driver-*",
    });
  }
  return { usable, problems };
}
