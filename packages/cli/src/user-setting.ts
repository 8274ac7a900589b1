import { createRegistry, driverSetting, namedOptions, parseOption, settingOf, unknownOption } from "@mk/core";
import type { Context } from "./context.js";

/**
 * Proves the text of a setting and gives it the form the file has for it. CONFIG_INVALID; INVALID_OPTION for an option of a driver; for a
 * driver that cannot be used here the errors of the registry.
 */
export async function parseSetting(context: Context, name: string, text: string): Promise<unknown> {
  const own = driverSetting(name);
  if (own === undefined) {
    const setting = settingOf(name);
    const value = setting.parse(text, name);
    // A name that is wrong would be found out by every later start.
    if (setting.key === "driver") createRegistry(await context.discover()).resolve(text);
    // Sizes stay as they were written ("4g"); everything else in the form that was proved.
    return setting.key === "memoryMiB" || setting.key === "diskMiB" ? text : value;
  }
  const driver = await createRegistry(await context.discover()).load(own.driver, context.signal);
  const option = namedOptions(driver).find(({ setting }) => setting === `${driver.name}.${own.option}`);
  if (option === undefined) throw unknownOption(driver, own.option);
  return parseOption(option.spec, text, name);
}

/** A setting as people write it. */
export function shownValue(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : typeof value === "string" ? value : JSON.stringify(value);
}
