interface OptionBase {
  /** One line for `--help`, lower case, no full stop. */
  readonly describe: string;
  /** Environment variable that sets it, below the flag and above the user's config. Default: `MK_<DRIVER>_<OPTION>`. */
  readonly env?: string;
  /** Never shown in logs, errors, events or `--output json`. */
  readonly secret?: boolean;
  /** What giving an existing machine another value costs. Default `recreate`. */
  readonly change?: "live" | "restart" | "recreate";
}

/**
 * One driver option. The four types map onto libmachine's four flag kinds (string, int, bool, string slice).
 * Keys of an {@link OptionSpecs} are camelCase; the flag is `--<driver>-<kebab-case>`.
 */
export type OptionSpec =
  | (OptionBase & {
      readonly type: "string";
      readonly default?: string;
      readonly choices?: readonly string[];
      readonly pattern?: RegExp;
    })
  | (OptionBase & { readonly type: "integer"; readonly default?: number; readonly min?: number; readonly max?: number })
  | (OptionBase & { readonly type: "boolean"; readonly default?: boolean })
  | (OptionBase & { readonly type: "list"; readonly default?: readonly string[] });

/** A driver's options by their camelCase names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<S> = S extends { choices: readonly (infer Choice)[] }
  ? Choice
  : S extends { type: "string" }
    ? string
    : S extends { type: "integer" }
      ? number
      : S extends { type: "boolean" }
        ? boolean
        : readonly string[];

/** The values of validated options: present where there is a default, else possibly undefined. */
export type OptionValues<O extends OptionSpecs> = {
  readonly [K in keyof O]: O[K] extends { default: unknown } ? ValueOf<O[K]> : ValueOf<O[K]> | undefined;
};
