import { MkError } from "../errors.js";
import { isRecord } from "../is-record.js";
import { isDriverName } from "../registry/driver-name.js";
import { suggest } from "../registry/suggest.js";
import { SETTINGS } from "./settings.js";
import type { UserConfig } from "./user-config.js";

/** The file's own form: settings by name, and one object of options for each driver. */
export type ConfigFile = Readonly<Record<string, unknown>>;

/** Parses the text of `config.json`. CONFIG_INVALID names the file and the setting. */
export function parseConfigFile(text: string, path: string): ConfigFile {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new MkError("CONFIG_INVALID", `${path} is not JSON`, { hint: `Repair or remove ${path}`, cause });
  }
  if (!isRecord(raw)) {
    throw new MkError("CONFIG_INVALID", `${path} is not a JSON object`, { hint: `Repair or remove ${path}` });
  }
  return raw as ConfigFile;
}

/** Proves every setting of the file. Options of drivers are proved when their driver is loaded. */
export function parseUserConfig(file: ConfigFile, path: string): UserConfig {
  const config: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(file)) {
    if (name === "drivers") continue;
    try {
      const setting = settingOf(name);
      config[setting.key] = setting.parse(settingText(value), name);
    } catch (cause) {
      const message = MkError.is(cause) ? cause.message : String(cause);
      throw new MkError("CONFIG_INVALID", `${path}: ${message}`, { hint: `Change it: mk config unset ${name}`, cause });
    }
  }
  return { ...config, options: parseDriverSections(file.drivers, path) };
}

/** The setting of this name. CONFIG_INVALID with a suggestion for an unknown one. */
export function settingOf(name: string) {
  const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
  if (setting !== undefined) return setting;
  const names = Object.keys(SETTINGS);
  const meant = suggest(name, names);
  throw new MkError("CONFIG_INVALID", `there is no setting called ${JSON.stringify(name)}`, {
    hint:
      meant === undefined
        ? `Choose one of: ${names.join(", ")}, or <driver>.<option> such as qemu.accelerator.`
        : `Use the setting ${meant}.`,
  });
}

/** Numbers and lists may stand in the file as JSON; settings are proved in one form, text. */
function settingText(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(",") : String(value);
}

function parseDriverSections(sections: unknown, path: string): UserConfig["options"] {
  if (sections === undefined) return {};
  const valid =
    isRecord(sections) && Object.entries(sections).every(([name, options]) => isDriverName(name) && isRecord(options));
  if (!valid) {
    throw new MkError("CONFIG_INVALID", `${path}: "drivers" is not an object of objects by driver name`, {
      hint: `Repair ${path}`,
    });
  }
  return sections as UserConfig["options"];
}
