import type { Driver, DriverPriority } from "../contract/driver.js";

/** Best first. What comes after `default` is never chosen automatically. */
const LADDER: readonly DriverPriority[] = [
  "highly-preferred",
  "preferred",
  "default",
  "fallback",
  "deprecated",
  "discouraged",
  "experimental",
  "obsolete",
];

/** Whether `mk start` without a driver may take this one. */
export function isAutomatic(driver: Pick<Driver, "priority" | "autoSelect">): boolean {
  return driver.autoSelect && LADDER.indexOf(driver.priority) <= LADDER.indexOf("default");
}

/** Order of preference: priority, then name, so that equal drivers have the same order everywhere. */
export function byPreference(a: Pick<Driver, "priority" | "name">, b: Pick<Driver, "priority" | "name">): number {
  const byPriority = LADDER.indexOf(a.priority) - LADDER.indexOf(b.priority);
  return byPriority !== 0 ? byPriority : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
