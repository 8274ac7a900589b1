import { unknownCommand } from "../argv.js";
import { declare } from "../cli.js";
import type { Command } from "../context.js";
import { commandHelp, generalHelp, groupHelp } from "../help-text.js";

export const help: Command = async ({ stdout }, words) => {
  const cli = declare(() => {});
  if (words.length === 0) return stdout.line(generalHelp(cli, stdout.lineWidth));
  const command = cli.commands.find((candidate) => candidate.isMatched(words.join(":")));
  if (command !== undefined) return stdout.line(commandHelp(command, cli, { width: stdout.lineWidth }));
  if (words.length === 1 && cli.commands.some(({ name }) => name.startsWith(`${words[0]}:`))) {
    return stdout.line(groupHelp(cli, words[0] ?? "", stdout.lineWidth));
  }
  throw unknownCommand(cli, words.join(" "));
};
