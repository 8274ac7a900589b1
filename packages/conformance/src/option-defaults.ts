import type { OptionSpecs } from "@mk/core";

/** The values core gives a driver when the user sets nothing. */
export function optionDefaults(options: OptionSpecs): Readonly<Record<string, unknown>> {
  const given = Object.entries(options).filter(([, option]) => option.default !== undefined);
  return Object.fromEntries(given.map(([key, option]) => [key, option.default]));
}
