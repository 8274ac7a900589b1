import { driverSetting, getSetting, readConfigFile, settingOf } from "@mk/core";
import type { Command } from "../context.js";
import { shownValue } from "../user-setting.js";

/** Prints nothing and answers 1 for a setting that is not set, as `git config` does. */
export const configGet: Command = async ({ host, home, stdout, output }, [name = ""]) => {
  if (driverSetting(name) === undefined) settingOf(name);
  const value = getSetting(await readConfigFile((await host()).files, home), name);
  if (output === "json") stdout.json(value ?? null);
  else if (value !== undefined) stdout.line(shownValue(value));
  return value === undefined ? 1 : 0;
};
