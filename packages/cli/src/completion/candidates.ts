import type { NamedOption } from "@mk/core";
import type { CAC, Command as CacCommand } from "cac";
import { flagName, longName } from "../argv.js";
import { COMMAND_GROUPS } from "../cli.js";
import { SHELLS } from "../shell-environment.js";
import { COMPLETION_SHELLS } from "./scripts.js";

export interface Candidate {
  readonly value: string;
  readonly description?: string;
}

/** What completion can ask about this computer; asked for only where the answer is offered. */
export interface CompletionFacts {
  machines(): Promise<readonly string[]>;
  drivers(): Promise<readonly Candidate[]>;
  options(driver: string): Promise<readonly NamedOption[]>;
  settings(): Promise<readonly Candidate[]>;
}

/** The candidate that stands for file names. */
export const FILES: Candidate = { value: ":files" };

/** What could stand where the last of the words is being typed. `words` are what follows `mk`. */
export async function candidates(
  cli: CAC,
  words: readonly string[],
  facts: CompletionFacts,
): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  if (before.includes("--")) return [FILES];
  const { command, positionals, group, isUnknown } = readWords(cli, before);
  if (isUnknown) return [];
  const options = [...(command?.options ?? []), ...cli.globalCommand.options];
  const previous = before.at(-1) ?? "";

  const open = previous.startsWith("-") && !previous.includes("=") ? optionOf(options, previous) : undefined;
  if (open !== undefined && !open.isBoolean) return startingWith(typed, await valuesOf(longName(open), facts));
  const equals = typed.startsWith("--") ? typed.indexOf("=") : -1;
  const driver = command?.name === "start" ? driverNamed(before) : undefined;
  const driverOptions = driver === undefined ? [] : await facts.options(driver);
  if (equals > 0) {
    const flag = typed.slice(2, equals);
    const own = driverOptions.find((option) => option.flag === flag);
    const values = own === undefined ? await valuesOf(flag, facts) : choicesOf(own);
    return startingWith(
      typed,
      values.map((candidate) => prefixed(`--${flag}=`, candidate)),
    );
  }
  const openOwn = driverOptions.find((option) => previous === `--${option.flag}` && option.spec.type !== "boolean");
  if (openOwn !== undefined) return startingWith(typed, choicesOf(openOwn));
  if (typed.startsWith("-")) {
    const flags = options.map((option) => ({
      value: `--${flagName(option)}`,
      description: option.description,
    }));
    const own = driverOptions.map(({ flag, spec }) => ({ value: `--${flag}`, description: spec.describe }));
    return startingWith(typed, [...flags, ...own]);
  }
  if (command === undefined) return startingWith(typed, commandWords(cli, group));
  return startingWith(typed, await argumentsOf(command, positionals.length, facts));
}

/** The command and the positionals of what is already typed, without complaint about what is wrong in it. */
function readWords(cli: CAC, before: readonly string[]) {
  let command: CacCommand | undefined;
  let group: string | undefined;
  let isUnknown = false;
  const positionals: string[] = [];
  for (let at = 0; at < before.length; at++) {
    const word = before[at] ?? "";
    if (word.startsWith("-")) {
      const option = optionOf([...(command?.options ?? []), ...cli.globalCommand.options], word);
      if (option !== undefined && !option.isBoolean && !word.includes("=")) at++;
    } else if (command !== undefined) {
      positionals.push(word);
    } else if (group === undefined && (COMMAND_GROUPS as readonly string[]).includes(word)) {
      group = word;
    } else {
      const name = group === undefined ? word : `${group}:${word}`;
      command = cli.commands.find((candidate) => candidate.isMatched(name));
      isUnknown ||= command === undefined;
    }
  }
  return { command, group, positionals, isUnknown };
}

function optionOf(options: CacCommand["options"], word: string): CacCommand["options"][number] | undefined {
  const name = word.replace(/^--?/, "").replace(/=.*$/s, "");
  return options.find((option) => longName(option) === name || option.names.includes(name));
}

function driverNamed(before: readonly string[]): string | undefined {
  for (const [at, word] of before.entries()) {
    const inline = /^(?:--driver|-d)=(.+)$/s.exec(word)?.[1];
    if (inline !== undefined) return inline;
    if (word === "--driver" || word === "-d") return before[at + 1];
  }
  return undefined;
}

function commandWords(cli: CAC, group: string | undefined): readonly Candidate[] {
  const seen = new Map<string, Candidate>();
  for (const { name, description } of cli.commands) {
    const [first = "", second] = name.split(":");
    if (group === undefined) {
      const known = seen.has(first);
      if (!known)
        seen.set(
          first,
          second === undefined ? { value: first, description } : { value: first, description: `${first} commands` },
        );
    } else if (first === group && second !== undefined) {
      seen.set(second, { value: second, description });
    }
  }
  return [...seen.values()];
}

/** Values of flags whose values are known. */
async function valuesOf(flag: string, facts: CompletionFacts): Promise<readonly Candidate[]> {
  switch (flag) {
    case "driver":
      return await facts.drivers();
    case "profile":
      return plain(await facts.machines());
    case "output":
      return plain(["text", "json"]);
    case "arch":
      return plain(["amd64", "arm64"]);
    case "allow":
      return plain(["live", "restart", "recreate"]);
    case "shell":
      return plain(SHELLS);
    case "mount":
      return [FILES];
    default:
      return [];
  }
}

async function argumentsOf(
  command: CacCommand,
  position: number,
  facts: CompletionFacts,
): Promise<readonly Candidate[]> {
  const argument = command.args[Math.min(position, command.args.length - 1)];
  if (argument === undefined || (position >= command.args.length && !command.args.some(({ variadic }) => variadic)))
    return [];
  switch (argument.value) {
    case "name":
      return plain(await facts.machines());
    case "driver":
      return await facts.drivers();
    case "setting":
      return await facts.settings();
    case "shell":
      return plain(COMPLETION_SHELLS);
    case "source":
    case "target":
      return [...(await facts.machines()).map((name) => ({ value: `${name}:` })), FILES];
    default:
      return [];
  }
}

function choicesOf({ spec }: NamedOption): readonly Candidate[] {
  if (spec.type === "boolean") return plain(["true", "false"]);
  return spec.type === "string" ? plain(spec.choices ?? []) : [];
}

function plain(values: readonly string[]): readonly Candidate[] {
  return values.map((value) => ({ value }));
}

function prefixed(prefix: string, candidate: Candidate): Candidate {
  return candidate === FILES ? candidate : { ...candidate, value: prefix + candidate.value };
}

function startingWith(typed: string, all: readonly Candidate[]): readonly Candidate[] {
  return all.filter((candidate) => candidate === FILES || candidate.value.startsWith(typed));
}
