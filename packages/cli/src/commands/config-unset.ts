import { driverSetting, getSetting, readConfigFile, settingOf, withSetting, writeConfigFile } from "@mk/core";
import type { Command } from "../context.js";

/** A setting that is not known may be removed if the file has it, so that a wrong one can be repaired. */
export const configUnset: Command = async ({ host, home }, [name = ""]) => {
  const { files } = await host();
  const file = await readConfigFile(files, home);
  if (getSetting(file, name) === undefined) {
    if (driverSetting(name) === undefined) settingOf(name);
    return;
  }
  await writeConfigFile(files, home, withSetting(file, name, undefined));
};
