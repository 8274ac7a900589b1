import type { CAC, Command as CacCommand } from "cac";
import { usage } from "../../src/help-text.js";
import { DETAILS, ENVIRONMENT, EXIT, exitCodes, OPTION_VARIABLES, OUTPUT, sentenceOf } from "./facts.js";

/** docs/cli.md: everything that is declared about the command, so that the page cannot lag behind it. */
export function markdownManual(cli: CAC): string {
  return `${[
    "# The mk command",
    "<!-- Made from the declarations in packages/cli/src/cli.ts; a test keeps it so. -->",
    "The same as man pages, where npm installs them: `man mk`, `man mk-start`.",
    OUTPUT.replace("CloudEvents", "[CloudEvents](https://cloudevents.io)"),
    "## Flags for all commands",
    flagTable(cli.globalCommand.options),
    "## Commands",
    ...cli.commands.map(commandSection),
    "## Environment",
    markdownTable(
      ["variable", "meaning"],
      ENVIRONMENT.map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    OPTION_VARIABLES,
    "## Exit codes",
    EXIT,
    markdownTable(
      ["exit code", "error code", "meaning"],
      exitCodes().map(([exitCode, code, meaning]) => [exitCode, `\`${code}\``, meaning]),
    ),
    "",
  ]
    .join("\n\n")
    .trimEnd()}\n`;
}

function commandSection(command: CacCommand): string {
  return [
    `### \`mk ${command.name.replace(":", " ")}\``,
    sentenceOf(command),
    `    mk ${usage(command)}`,
    ...(DETAILS[command.name] ?? []),
    ...(command.options.length === 0 ? [] : [flagTable(command.options)]),
    ...(command.examples.length === 0
      ? []
      : [`Examples:\n\n${command.examples.map((line) => `    ${String(line)}`).join("\n")}`]),
  ].join("\n\n");
}

function flagTable(options: CacCommand["options"]): string {
  return markdownTable(
    ["flag", "meaning"],
    options.map((option) => [`\`${option.rawName}\``, option.description]),
  );
}

/** Padded as formatters pad it; `|` ends a cell. */
function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const [first = [], ...others] = cells;
  return [line(first), rule, ...others.map(line)].join("\n");
}
