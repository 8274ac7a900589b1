import { type Discovery, isDriverName, MkError, type NamedOption, namedOptions, parseOption, suggest } from "@mk/core";

/** Driver options given as flags: whose they are and their values by camelCase key. */
export interface DriverOptionFlags {
  readonly driver?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export const NO_DRIVER_FLAGS: DriverOptionFlags = { options: {} };

/** The driver named by `--driver x`, `--driver=x`, `-d x` or `-dx`, read before the flags are known. */
export function namedDriver(argv: readonly string[]): string | undefined {
  const end = argv.indexOf("--");
  const tokens = end < 0 ? argv : argv.slice(0, end);
  for (const [at, token] of tokens.entries()) {
    const inline = /^(?:--driver=|-d=?)(.+)$/s.exec(token)?.[1];
    const name = inline ?? (token === "--driver" || token === "-d" ? tokens[at + 1] : undefined);
    if (name !== undefined && isDriverName(name)) return name;
  }
  return undefined;
}

/** The installed driver whose name begins a flag of argv (`--qemu-accelerator`); the longest name when several fit. */
export function driverOfFlags(argv: readonly string[], discovery: Discovery): string | undefined {
  const names = discovery.found.map((entry) => entry.name).sort((a, b) => b.length - a.length);
  for (const token of flagsOf(argv)) {
    const owner = names.find((name) => token.startsWith(`--${name}-`) || token.startsWith(`--no-${name}-`));
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** Whether argv has a flag that could be a driver's: discovery is worth its time only then. */
export function mayHaveDriverFlags(argv: readonly string[], declared: readonly string[]): boolean {
  return flagsOf(argv).some((token) => {
    const name = token.replace(/^--(no-)?/, "").replace(/=.*$/s, "");
    return /^[a-z][a-z0-9]*-/.test(name) && !declared.includes(name);
  });
}

/**
 * Takes the driver's own flags out of argv: the rest for the command's parser, the values for the driver. INVALID_OPTION for a value
 * the option does not take; UNKNOWN_COMMAND for a flag with the driver's prefix that it does not have.
 */
export function takeDriverFlags(
  argv: readonly string[],
  driver: { readonly name: string; readonly options: Parameters<typeof namedOptions>[0]["options"] },
): { readonly rest: readonly string[]; readonly flags: DriverOptionFlags } {
  const known = new Map(namedOptions(driver).map((option) => [option.flag, option]));
  const values: Record<string, unknown> = {};
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? "";
    if (token === "--") {
      rest.push(...argv.slice(at));
      break;
    }
    const match = /^--(no-)?([^=]+)(?:=(.*))?$/s.exec(token);
    const name = match?.[2];
    if (match === null || name === undefined || !name.startsWith(`${driver.name}-`)) {
      rest.push(token);
      continue;
    }
    const option = known.get(name);
    if (option === undefined) throw unknownDriverFlag(name, driver.name, [...known.keys()]);
    let text = match[3];
    if (match[1] !== undefined) {
      if (option.spec.type !== "boolean" || text !== undefined) throw unknownDriverFlag(`no-${name}`, driver.name, []);
      text = "false";
    } else if (text === undefined && option.spec.type === "boolean") {
      text = "true";
    } else if (text === undefined) {
      text = argv[++at];
      if (text === undefined || text === "--") throw missingValue(option);
    }
    const value = parseOption(option.spec, text, `--${name}`);
    const before = values[option.key];
    // Lists may be given in one flag or in several.
    values[option.key] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
  const given = Object.keys(values).length > 0;
  return { rest, flags: { options: values, ...(given && { driver: driver.name }) } };
}

function flagsOf(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).filter((token) => token.startsWith("--"));
}

function unknownDriverFlag(name: string, driver: string, known: readonly string[]): MkError {
  const meant = suggest(name, known);
  return new MkError("UNKNOWN_COMMAND", `driver ${driver} has no flag --${name}`, {
    hint: meant === undefined ? `See: mk start --driver=${driver} --help` : `Did you mean: --${meant}`,
  });
}

function missingValue(option: NamedOption): MkError {
  return new MkError("INVALID_ARGUMENT", `--${option.flag} needs a value`, { hint: `Write --${option.flag}=<value>` });
}
