import type { Driver } from "@mk/core";

/** The values core gives a driver when the user sets only these. */
export function driverOptions(
  { options }: Pick<Driver, "options">,
  given: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const defaults = Object.entries(options).filter(([, option]) => option.default !== undefined);
  return { ...Object.fromEntries(defaults.map(([key, option]) => [key, option.default])), ...given };
}
