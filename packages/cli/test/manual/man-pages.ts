import type { CAC, Command as CacCommand } from "cac";
import { usage } from "../../src/help-text.js";
import {
  commandsByWord,
  DETAILS,
  ENVIRONMENT,
  EXIT,
  exitCodes,
  isGroup,
  OPTION_VARIABLES,
  OUTPUT,
  sentenceOf,
} from "./facts.js";

/** Of lines in the files; readers fill them anew. */
const LINE_LENGTH = 78;

const SUMMARY = "local machines with a container engine";

const INTRODUCTION = [
  "mk makes local machines, virtual machines or containers, with a Docker Engine in each. What makes a machine is a driver, a package of its own; " +
    "`mk driver list` shows those that are installed. A machine is named by an argument or by `--profile`; without either it is `mk`.",
  "Each command has a page of its own: mk\u2010start(1) is about `mk start`, mk\u2010driver(1) about all that begins with `mk driver`.",
];

const FILES = [
  ["~/.mk/config.json", "settings; see mk\u2010config(1)"],
  ["~/.mk/machines/<name>/", "all of a machine: its configuration, disk, keys and console log"],
  ["~/.mk/cache/", "guest images and downloads; may be removed while no machine runs"],
  ["~/.mk/drivers/", "drivers installed by `mk driver add`"],
] as const;

/** The man pages by file name: mk.1, and one for each first word of a command. */
export function manPages(cli: CAC): ReadonlyMap<string, string> {
  const words = [...commandsByWord(cli)];
  return new Map([
    ["mk.1", overview(cli)],
    ...words.map(([word, commands]) => [`mk-${word}.1`, commandPage(word, commands)] as const),
  ]);
}

function overview(cli: CAC): string {
  return page("mk", SUMMARY, [
    section("SYNOPSIS", line("**mk** <command> [flags]")),
    section("DESCRIPTION", paragraphs([...INTRODUCTION, OUTPUT])),
    section(
      "COMMANDS",
      cli.commands.map((command) => tagged(bold(`mk ${command.name.replace(":", " ")}`), command.description)).join(""),
    ),
    section("OPTIONS", flags(cli.globalCommand.options)),
    section(
      "ENVIRONMENT",
      ENVIRONMENT.map(([name, meaning]) => tagged(bold(name), meaning)).join("") + paragraphs([OPTION_VARIABLES]),
    ),
    section("FILES", FILES.map(([path, meaning]) => tagged(`\\fI${roff(path)}\\fR`, meaning)).join("")),
    section(
      "EXIT STATUS",
      paragraphs([EXIT]) +
        exitCodes()
          .map(([exitCode, code, meaning]) => tagged(`${exitCode} ${bold(code)}`, meaning))
          .join(""),
    ),
    section("SEE ALSO", line(seeAlso([...commandsByWord(cli).keys()].map((word) => `mk-${word}`)))),
  ]);
}

function commandPage(word: string, commands: readonly CacCommand[]): string {
  const [first] = commands;
  const group = isGroup(word);
  const summary = group ? `the commands of mk ${word}` : (first?.description ?? "");
  return page(`mk-${word}`, summary, [
    section("SYNOPSIS", commands.map((command) => literal(styled(`**mk** ${usage(command)}`))).join(".br\n")),
    ...(group
      ? [section("DESCRIPTION", commands.map((command) => subsection(command)).join(""))]
      : commands.flatMap((command) => [
          section("DESCRIPTION", paragraphs([sentenceOf(command), ...(DETAILS[command.name] ?? [])])),
          ...(command.options.length === 0 ? [] : [section("OPTIONS", flags(command.options))]),
          ...(command.examples.length === 0 ? [] : [section("EXAMPLES", examples(command))]),
        ])),
    section("SEE ALSO", line(`${seeAlso(["mk"])}, for the flags of all commands, the environment and the exit status`)),
  ]);
}

function subsection(command: CacCommand): string {
  return [
    `.SS mk ${roff(usage(command).replace(/ \[flags\]/, ""))}\n`,
    // The heading has opened a paragraph already.
    paragraphs([sentenceOf(command), ...(DETAILS[command.name] ?? [])]).replace(/^\.PP\n/, ""),
    flags(command.options),
    examples(command),
  ].join("");
}

// The date is left out: a page says what the installed mk does, and is made anew whenever that changes.
function page(name: string, summary: string, sections: readonly string[]): string {
  const head = `.\\" Made from the declarations in src/cli.ts; a test keeps it so.\n.TH ${roff(name.toUpperCase())} 1 "" mk "mk manual"\n`;
  return head + section("NAME", literal(`${roff(name)} \\- ${roff(summary)}`)) + sections.join("");
}

function section(title: string, body: string): string {
  // A section opens its first paragraph itself.
  return `.SH ${title}\n${body.replace(/^\.PP\n/, "")}`;
}

function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => `.PP\n${line(text)}`).join("");
}

function flags(options: CacCommand["options"]): string {
  return options.map(({ rawName, description }) => tagged(flagName(rawName), description)).join("");
}

/** `-d, --driver <name>`: names bold, what is to be put in italic. */
function flagName(rawName: string): string {
  return roff(rawName)
    .replace(/(?<![\w[])\\-(?:\\-)?[a-zA-Z](?:\w|\\-)*/g, (flag) => `\\fB${flag}\\fR`)
    .replace(/<([^>]+)>/, (_, placeholder: string) => `\\fI${placeholder}\\fR`);
}

function tagged(tag: string, text: string): string {
  return `.TP\n${tag}\n${line(text)}`;
}

function examples(command: CacCommand): string {
  if (command.examples.length === 0) return "";
  return `.PP\n.EX\n${command.examples.map((example) => literal(roff(String(example)))).join("")}.EE\n`;
}

function seeAlso(pages: readonly string[]): string {
  return pages.map((name) => `**${name}**(1)`).join(", ");
}

function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

/** Text that roff fills, in lines of a readable length. `Code` and **names** are bold. */
function line(text: string): string {
  const lines: string[] = [];
  for (const word of styled(text).split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > LINE_LENGTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map(literal).join("");
}

function styled(text: string): string {
  return roff(text).replace(/`([^`]+)`|\*\*(.+?)\*\*/g, (_, code?: string, name?: string) => `\\fB${code ?? name}\\fR`);
}

/** One input line; one that begins with a point or a quote would be a request. */
function literal(text: string): string {
  return `${/^[.']/.test(text) ? "\\&" : ""}${text}\n`;
}

/** Text as roff takes it literally: hyphens of flags stay ASCII, so that they can be copied; what is not ASCII is named by its code point. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("\u2010", "\\-")
    .replace(
      /[^\x00-\x7f]/gu,
      (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}
