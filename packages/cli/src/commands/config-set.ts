import { readConfigFile, withSetting, writeConfigFile } from "@mk/core";
import type { Command } from "../context.js";
import { parseSetting } from "../user-setting.js";

export const configSet: Command = async (context, [name = "", text = ""]) => {
  const { files } = await context.host();
  const value = await parseSetting(context, name, text);
  await writeConfigFile(files, context.home, withSetting(await readConfigFile(files, context.home), name, value));
};
