import { type Driver, namedOptions, optionDescription, optionPlaceholder } from "@mk/core";
import type { CAC, Command as CacCommand } from "cac";
import { table } from "./terminal/table.js";

// Descriptions are broken at `width`, usage and examples never: they are there to be copied.

interface CommandHelp {
  /** Whose flags are shown too. */
  readonly driver?: Driver | undefined;
  readonly width?: number;
}

/** `mk --help`: all commands, groups by their subcommands. */
export function generalHelp(cli: CAC, width?: number): string {
  return [
    "mk runs local machines with a container engine.",
    section("Usage", "  mk <command> [flags]"),
    section("Commands", table(cli.commands.map(commandRow), "  ", width)),
    section("Flags for all commands", optionTable(cli.globalCommand.options, width)),
    "Help on a command: mk <command> --help",
  ].join("\n\n");
}

/** `mk driver --help`: the subcommands of a group. */
export function groupHelp(cli: CAC, group: string, width?: number): string {
  const own = cli.commands.filter((command) => command.name.startsWith(`${group}:`));
  return [
    section("Usage", `  mk ${group} <command> [flags]`),
    section("Commands", table(own.map(commandRow), "  ", width)),
  ].join("\n\n");
}

/** `mk start --help`: usage, flags, the driver's own flags when one is named, examples. */
export function commandHelp(command: CacCommand, cli: CAC, { driver, width }: CommandHelp = {}): string {
  const parts = [
    `${capital(command.description)}.`,
    section("Usage", `  mk ${usage(command)}`),
    ...(command.options.length > 0 ? [section("Flags", optionTable(command.options, width))] : []),
    ...(driver === undefined ? [] : [driverOptions(driver, width)]),
    section("Flags for all commands", optionTable(cli.globalCommand.options, width)),
    ...(command.examples.length > 0
      ? [section("Examples", command.examples.map((line) => `  ${String(line)}`).join("\n"))]
      : []),
  ];
  return parts.join("\n\n");
}

/** The driver's options as flags, with the variable that sets each. */
export function driverOptions(driver: Driver, width?: number): string {
  const rows = namedOptions(driver).map(({ flag, env, spec }) => [
    spec.type === "boolean"
      ? `--${spec.default === true ? "[no-]" : ""}${flag}`
      : `--${flag} ${optionPlaceholder(spec)}`,
    `${optionDescription(spec)} [${env}]`,
  ]);
  return section(`Flags of driver ${driver.name}`, rows.length === 0 ? "  none" : table(rows, "  ", width));
}

/** How the command is written: `start [name] [flags]`. */
export function usage(command: CacCommand): string {
  return command.name === "ssh" ? `${synopsis(command)} [flags] [-- <command>...]` : `${synopsis(command)} [flags]`;
}

/** `driver add <package>...`: what may be repeated has its dots behind it, as in every manual. */
function synopsis({ rawName }: CacCommand): string {
  return rawName.replace(":", " ").replace(/([<[])\.\.\.([^>\]]+)([>\]])/g, "$1$2$3...");
}

function commandRow(command: CacCommand): readonly string[] {
  const aliases = command.aliasNames.map((alias) => alias.replace(/^.*:/, ""));
  return [
    synopsis(command),
    aliases.length === 0 ? command.description : `${command.description} (also ${aliases.join(", ")})`,
  ];
}

function optionTable(options: CacCommand["options"], width: number | undefined): string {
  return table(
    options.map((option) => [
      option.rawName.startsWith("--") ? `    ${option.rawName}` : option.rawName,
      option.description,
    ]),
    "  ",
    width,
  );
}

function section(title: string, body: string): string {
  return `${title}:\n${body}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
