import { MkError, suggest } from "@mk/core";
import type { CAC, Command as CacCommand } from "cac";
import { COMMAND_GROUPS } from "./cli.js";
import type { Shell } from "./shell-environment.js";

/** cac turns what looks like a number into one (`007` → 7, `1.30` → 1.3); behind this mark nothing does. */
const MARK = "\u0001";

export interface NormalizedArgv {
  /** The declared command, or undefined for `mk` alone. */
  readonly command: CacCommand | undefined;
  /** The words the user wrote for it: `driver list`. */
  readonly words: string;
  /** For `cac.parse`, without the two leading entries. */
  readonly argv: readonly string[];
  readonly wants: "help" | "version" | undefined;
}

type CacOption = CacCommand["options"][number];

/**
 * Reads argv by what is declared and writes it down again in the one form that cac does not misread: command, flags as `--name=<mark>value`,
 * marked positionals. UNKNOWN_COMMAND for commands and flags that do not exist, with a suggestion; INVALID_ARGUMENT for a flag without
 * its value and for words too many or too few. Hints are for the user's shell.
 */
export function normalizeArgv(cli: CAC, input: readonly string[], shell: Shell = "sh"): NormalizedArgv {
  const { command, words, rest } = findCommand(cli, input);
  const declared = [...(command?.options ?? []), ...cli.globalCommand.options];
  // cac makes a list of a flag that comes twice; here the last one counts, except where a list is meant.
  const flags = new Map<string, string[]>();
  const add = (option: CacOption, written: string) => {
    const earlier = option.config.type === undefined ? [] : (flags.get(option.name) ?? []);
    flags.set(option.name, [...earlier, written]);
  };
  const positionals: string[] = [];
  let passed: readonly string[] | undefined;
  for (let at = 0; at < rest.length; at++) {
    const token = rest[at] ?? "";
    if (token === "--") {
      passed = rest.slice(at + 1);
      break;
    }
    if (!token.startsWith("-") || token === "-") {
      positionals.push(token);
      continue;
    }
    for (const flag of splitFlags(token, declared)) {
      const option = findOption(declared, flag.name);
      if (option === undefined) {
        // `mk ssh uname -a`: the flag is another program's.
        const isPrograms = takesPassThrough(command) && positionals.length > 0;
        throw unknownFlag(flag.name, declared, words, isPrograms ? behindDashes(words, shell) : undefined);
      }
      const name = longName(option);
      if (option.isBoolean) {
        add(option, switchFlag(option, name, flag));
      } else if (flag.value !== undefined) {
        add(option, `--${name}=${MARK}${flag.value}`);
      } else {
        const value = rest[++at];
        // A flag's value may start with a dash ("--memory -1" is a wrong value, not a flag), but `--` ends the flags.
        if (value === undefined || value === "--") throw missingValue(option);
        add(option, `--${name}=${MARK}${value}`);
      }
    }
  }
  const wants = (["help", "version"] as const).find((name) => flags.get(name)?.[0] === `--${name}=true`);
  // Only a few commands hand words on; for all others `--` just ends the flags.
  if (passed !== undefined && !takesPassThrough(command)) {
    positionals.push(...passed);
    passed = undefined;
  }
  if (command !== undefined && wants === undefined) checkPositionals(command, words, positionals, shell);
  const argv = [
    ...(command === undefined ? [] : [command.name]),
    ...[...flags.values()].flat(),
    ...positionals.map((word) => MARK + word),
    ...(passed === undefined ? [] : ["--", ...passed]),
  ];
  return { command, words, argv, wants };
}

/** Takes the marks off again. */
export function unmark(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith(MARK) ? value.slice(1) : value;
  return Array.isArray(value) ? value.map(unmark) : value;
}

function behindDashes(words: string, shell: Shell): string {
  // PowerShell takes bare dashes for the end of the flags of the script by which npm starts mk.
  return `Put what the machine runs behind --: mk ${words} [name] ${shell === "powershell" ? '"--"' : "--"} <command>`;
}

/** Whether words after `--` belong to a program in the machine. */
function takesPassThrough(command: CacCommand | undefined): boolean {
  return command?.name === "ssh";
}

function findCommand(cli: CAC, input: readonly string[]) {
  const before: string[] = [];
  let at = 0;
  for (; at < input.length; at++) {
    const token = input[at] ?? "";
    if (!token.startsWith("-") || token === "-" || token === "--") break;
    before.push(token);
    const option = findOption(cli.globalCommand.options, token.replace(/^--?/, "").replace(/=.*$/s, ""));
    if (option !== undefined && !option.isBoolean && !token.includes("=") && at + 1 < input.length) {
      before.push(input[++at] ?? "");
    }
  }
  const first = input[at];
  if (first === undefined || first === "--")
    return { command: undefined, words: "", rest: [...before, ...input.slice(at)] };
  const isGroup = (COMMAND_GROUPS as readonly string[]).includes(first);
  const second = input[at + 1];
  if (isGroup && (second === undefined || second.startsWith("-"))) {
    return { command: undefined, words: first, rest: [...before, ...input.slice(at + 1)] };
  }
  const name = isGroup ? `${first}:${second}` : first;
  const words = name.replace(":", " ");
  const command = cli.commands.find((candidate) => candidate.isMatched(name));
  if (command === undefined || (!isGroup && name.includes(":"))) throw unknownCommand(cli, isGroup ? words : first);
  return { command, words, rest: [...before, ...input.slice(at + (isGroup ? 2 : 1))] };
}

interface GivenFlag {
  readonly name: string;
  readonly value: string | undefined;
}

/** `--name=value`, `--name`, `-n`, `-nvalue`, `-n=value`, and switches in a row: `-ty`. */
function splitFlags(token: string, declared: readonly CacOption[]): readonly GivenFlag[] {
  const equals = token.indexOf("=");
  if (token.startsWith("--")) {
    return [
      equals < 0
        ? { name: token.slice(2), value: undefined }
        : { name: token.slice(2, equals), value: token.slice(equals + 1) },
    ];
  }
  const flags: GivenFlag[] = [];
  for (let at = 1; at < token.length; at++) {
    const name = token[at] ?? "";
    const tail = token.slice(at + 1);
    const option = findOption(declared, name);
    if (option === undefined || option.isBoolean) {
      flags.push({ name, value: undefined });
      continue;
    }
    flags.push({ name, value: tail === "" ? undefined : tail.replace(/^=/, "") });
    break;
  }
  return flags;
}

function findOption(declared: readonly CacOption[], given: string): CacOption | undefined {
  // cac keeps names in camelCase; what is typed must be the kebab-case form.
  if (/[A-Z]/.test(given) && given.length > 1) return undefined;
  const camel = given.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const plain = given.startsWith("no-") ? given.slice(3) : undefined;
  return declared.find((option) => {
    if (option.negated) return plain !== undefined && option.names.includes(plain);
    return option.names.includes(camel);
  });
}

function switchFlag(option: CacOption, name: string, flag: GivenFlag): string {
  if (flag.value !== undefined && flag.value !== "true" && flag.value !== "false") {
    throw new MkError("INVALID_ARGUMENT", `--${name} takes no value, not ${JSON.stringify(flag.value)}`, {
      hint: `Write --${name} alone.`,
    });
  }
  if (option.negated) return flag.value === "false" ? `--${option.name}=true` : `--no-${option.name}`;
  // cac knows a switch of two words as one only by its camelCase name.
  return `--${option.name}=${flag.value ?? "true"}`;
}

function checkPositionals(command: CacCommand, words: string, positionals: readonly string[], shell: Shell): void {
  const missing = command.args.filter((arg) => arg.required)[positionals.length];
  if (missing !== undefined) {
    throw new MkError("INVALID_ARGUMENT", `mk ${words} needs <${missing.value}>`, { hint: `See: mk ${words} --help` });
  }
  const surplus = positionals[command.args.length];
  if (surplus !== undefined && !command.args.some((arg) => arg.variadic)) {
    const hint = takesPassThrough(command) ? behindDashes(words, shell) : `See: mk ${words} --help`;
    throw new MkError("INVALID_ARGUMENT", `mk ${words} does not take ${JSON.stringify(surplus)}`, { hint });
  }
}

/** UNKNOWN_COMMAND with what was probably meant. */
export function unknownCommand(cli: CAC, words: string): MkError {
  const all = cli.commands.map(({ name }) => name.replace(":", " "));
  const meant = suggest(words, [...all, ...COMMAND_GROUPS]);
  return new MkError("UNKNOWN_COMMAND", `there is no command ${JSON.stringify(words)}`, {
    hint: meant === undefined ? "See all commands: mk --help" : `Did you mean: mk ${meant}`,
  });
}

function unknownFlag(name: string, declared: readonly CacOption[], words: string, hint?: string): MkError {
  const shown = name.length === 1 ? `-${name}` : `--${name}`;
  const names = new Map(
    declared.flatMap((option) => [longName(option), flagName(option)].map((known) => [known, flagName(option)])),
  );
  const meant = name.length === 1 ? undefined : names.get(suggest(name, [...names.keys()]) ?? "");
  const help = words === "" ? "mk --help" : `mk ${words} --help`;
  return new MkError("UNKNOWN_COMMAND", `${words === "" ? "mk" : `mk ${words}`} has no flag ${shown}`, {
    hint: hint ?? (meant === undefined ? `See: ${help}` : `Did you mean: --${meant}`),
  });
}

function missingValue(option: CacOption): MkError {
  const placeholder = /<.*>/.exec(option.rawName)?.[0] ?? "<value>";
  return new MkError("INVALID_ARGUMENT", `--${longName(option)} needs a value`, {
    hint: `Write --${longName(option)}=${placeholder}`,
  });
}

/** What is typed behind `--`: `disk-size`, or `no-color` for a switch that can only be turned off. */
export function flagName(option: CacOption): string {
  return option.negated ? `no-${longName(option)}` : longName(option);
}

/** The long name in the form that is typed, without `no-`. */
export function longName(option: CacOption): string {
  return option.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
