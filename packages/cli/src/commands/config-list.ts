import { listSettings, readConfigFile } from "@mk/core";
import type { Command } from "../context.js";
import { table } from "../terminal/table.js";
import { shownValue } from "../user-setting.js";

export const configList: Command = async ({ host, home, stdout, stderr, output }) => {
  const settings = listSettings(await readConfigFile((await host()).files, home));
  if (output === "json") return stdout.json(Object.fromEntries(settings));
  if (settings.length === 0) return stderr.line("Nothing is set. Set something with: mk config set driver qemu");
  stdout.line(table(settings.map(([name, value]) => [name, shownValue(value)])));
};
