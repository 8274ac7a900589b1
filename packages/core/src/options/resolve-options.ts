import type { OptionSpecs } from "../contract/options.js";
import { MkError } from "../errors.js";
import { suggest } from "../registry/suggest.js";
import { checkOption } from "./check-option.js";
import { namedOptions, toKebab } from "./option-name.js";
import { parseOption } from "./parse-option.js";

interface Declares {
  readonly name: string;
  readonly options: OptionSpecs;
}

/** Where options' values come from, the strongest first; what none of them has gets its default. */
export interface OptionSources {
  /** By camelCase key: from flags (already parsed) or the API. Strongest. */
  readonly given?: Readonly<Record<string, unknown>> | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** This driver's section of the user's config, by camelCase or kebab-case key. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The options given for a driver, each proved to be declared and valid; nothing is filled in. For changes to an existing machine.
 * INVALID_OPTION names the option and what it takes.
 */
export function checkOptions(driver: Declares, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const spec = Object.hasOwn(driver.options, key) ? driver.options[key] : undefined;
    if (spec === undefined) throw unknownOption(driver, key);
    values[key] = checkOption(spec, value, `option --${driver.name}-${toKebab(key)}`);
  }
  return values;
}

/** All options of a new machine: given, else environment, else the user's config, else the default. INVALID_OPTION names the source. */
export function resolveOptions(driver: Declares, sources: OptionSources): Record<string, unknown> {
  const values = checkOptions(driver, sources.given ?? {});
  for (const { key, env, setting, spec } of namedOptions(driver)) {
    if (values[key] !== undefined) continue;
    const fromEnv = sources.env?.[env];
    const fromConfig = sources.config?.[key] ?? sources.config?.[toKebab(key)];
    // An empty variable counts as not set, as shells cannot easily pass on an unset one.
    if (fromEnv !== undefined && fromEnv !== "")
      values[key] = parseOption(spec, fromEnv, `environment variable ${env}`);
    else if (fromConfig !== undefined) values[key] = checkOption(spec, fromConfig, `setting ${setting}`);
    else if (spec.default !== undefined) values[key] = spec.default;
  }
  return values;
}

/** INVALID_OPTION for an option the driver does not have. */
export function unknownOption(driver: Declares, key: string): MkError {
  const keys = Object.keys(driver.options);
  const meant = suggest(key, keys);
  const has = keys.length === 0 ? "it has none" : `it has ${keys.map(toKebab).join(", ")}`;
  return new MkError("INVALID_OPTION", `driver ${driver.name} has no option ${JSON.stringify(toKebab(key))}; ${has}`, {
    hint:
      meant === undefined
        ? `See its options: mk start --driver=${driver.name} --help`
        : `Use --${driver.name}-${toKebab(meant)}`,
  });
}
