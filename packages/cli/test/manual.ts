import { ERROR_CODES } from "@mk/core";
import type { CAC, Command as CacCommand } from "cac";
import { usage } from "../src/help-text.js";

/** Variables that mk reads, beside those of driver options. */
const ENVIRONMENT = [
  ["MK_HOME", "mk's own directory, absolute; `~/.mk` without it"],
  ["MK_PROFILE", "the machine commands work on when none is named; `mk` without it"],
  ["MK_DRIVER", "the driver of new machines"],
  ["MK_DRIVER_PATH", "directories searched for drivers before all others, separated as in PATH"],
  ["MK_DEBIAN_MIRROR", "the Debian mirror guest images are built from"],
  ["MK_DEBUG", "set to anything: errors come with their stack and causes"],
  ["NO_COLOR", "set to anything: no colours ([no-color.org](https://no-color.org))"],
  ["FORCE_COLOR", "colours even where the output is no terminal"],
  ["CI", "set to anything: progress line by line instead of live"],
] as const;

/** docs/cli.md: everything that is declared about the command, so that the page cannot lag behind it. */
export function manual(cli: CAC): string {
  return `${[
    "# The mk command",
    "<!-- Made from the declarations in packages/cli/src/cli.ts; a test keeps it so. -->",
    "Results go to standard output; progress, notes and errors to standard error. With `--output json` a result is one JSON value, " +
      'the events of an operation are [CloudEvents](https://cloudevents.io), one a line, and an error is one line `{"error": {…}}` on standard error.',
    "## Flags for all commands",
    flagTable(cli.globalCommand.options),
    "## Commands",
    ...cli.commands.map(commandSection),
    "## Environment",
    markdownTable(
      ["variable", "meaning"],
      ENVIRONMENT.map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    "Each option of a driver has a variable too: `mk start --driver=<name> --help` shows them.",
    "## Exit codes",
    "`mk ssh` ends with the exit code of the command in the machine, and `mk status` with 0 only for a machine that runs. " +
      "A signal ends mk with 128 + its number: 130 for Ctrl-C, 143 for TERM. All other codes mean one of these errors:",
    markdownTable(["exit code", "error code", "meaning"], exitCodes()),
    "",
  ]
    .join("\n\n")
    .trimEnd()}\n`;
}

function commandSection(command: CacCommand): string {
  const aliases = command.aliasNames.map((alias) => `\`mk ${alias.replace(":", " ")}\``);
  return [
    `### \`mk ${command.name.replace(":", " ")}\``,
    `${command.description.charAt(0).toUpperCase()}${command.description.slice(1)}.${aliases.length === 0 ? "" : ` Also ${aliases.join(", ")}.`}`,
    `    mk ${usage(command)}`,
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

function exitCodes(): readonly (readonly string[])[] {
  return Object.entries(ERROR_CODES)
    .map(([code, { exitCode, meaning }]) => [String(exitCode), `\`${code}\``, meaning] as const)
    .sort(([a], [b]) => Number(a) - Number(b));
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
