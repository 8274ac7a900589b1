import { join } from "node:path";
import type { Files } from "../contract/host.js";
import { MkError } from "../errors.js";
import { type ConfigFile, parseConfigFile, parseUserConfig } from "./parse-user-config.js";
import type { UserConfig } from "./user-config.js";

const MAX_BYTES = 1024 * 1024;

/** Path of the user's config below mk's home. */
export function userConfigPath(home: string): string {
  return join(home, "config.json");
}

/** The user's settings; none when there is no file. CONFIG_INVALID names the file and what is wrong in it. */
export async function readUserConfig(files: Pick<Files, "readText">, home: string): Promise<UserConfig> {
  return parseUserConfig(await readConfigFile(files, home), userConfigPath(home));
}

/** The file as it stands, without proof of its settings, so that a wrong one can be listed and repaired. */
export async function readConfigFile(files: Pick<Files, "readText">, home: string): Promise<ConfigFile> {
  const path = userConfigPath(home);
  const text = await files.readText(path, { maxBytes: MAX_BYTES });
  return text === undefined ? {} : parseConfigFile(text, path);
}

/**
 * Writes the file atomically and as it is given. Whoever changes a setting proves that one: a file with several wrong settings is repaired
 * one by one.
 */
export async function writeConfigFile(files: Pick<Files, "write">, home: string, file: ConfigFile): Promise<void> {
  await files.write(userConfigPath(home), `${JSON.stringify(file, undefined, 2)}\n`);
}

/** `qemu.accelerator` → driver and option; undefined for a plain setting. CONFIG_INVALID when a part is missing. */
export function driverSetting(name: string): { readonly driver: string; readonly option: string } | undefined {
  const dot = name.indexOf(".");
  if (dot < 0) return undefined;
  const driver = name.slice(0, dot);
  const option = name.slice(dot + 1);
  if (driver === "" || !/^[a-z][a-z0-9-]*$/.test(option)) {
    throw new MkError("CONFIG_INVALID", `${JSON.stringify(name)} is not <driver>.<option>`, {
      hint: "Write it like qemu.accelerator",
    });
  }
  return { driver, option };
}
