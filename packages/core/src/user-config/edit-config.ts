import type { ConfigFile } from "./parse-user-config.js";
import { driverSetting } from "./user-config-file.js";

/** The value of a setting, `cpus` or `qemu.accelerator`; undefined when it is not set. */
export function getSetting(file: ConfigFile, name: string): unknown {
  const own = driverSetting(name);
  return own === undefined ? ownValue(file, name) : ownValue(section(file, own.driver), own.option);
}

/** The file with a setting changed, or removed when the value is undefined. Empty driver sections disappear. */
export function withSetting(file: ConfigFile, name: string, value: unknown): ConfigFile {
  const own = driverSetting(name);
  if (own === undefined) return withKey(file, name, value);
  const options = withKey(section(file, own.driver), own.option, value);
  const drivers = withKey(record(file.drivers), own.driver, Object.keys(options).length === 0 ? undefined : options);
  return withKey(file, "drivers", Object.keys(drivers).length === 0 ? undefined : drivers);
}

/** All settings of the file, those of drivers as `qemu.accelerator`, by name. */
export function listSettings(file: ConfigFile): readonly (readonly [name: string, value: unknown])[] {
  const plain = Object.entries(file).filter(([name]) => name !== "drivers");
  const ofDrivers = Object.keys(record(file.drivers)).flatMap((driver) =>
    Object.entries(section(file, driver)).map(([option, value]) => [`${driver}.${option}`, value] as const),
  );
  return [...plain, ...ofDrivers].sort(([a], [b]) => (a < b ? -1 : 1));
}

function withKey(object: Readonly<Record<string, unknown>>, key: string, value: unknown): Record<string, unknown> {
  const { [key]: _, ...rest } = object;
  return value === undefined ? rest : { ...rest, [key]: value };
}

function section(file: ConfigFile, driver: string): Readonly<Record<string, unknown>> {
  return record(ownValue(record(file.drivers), driver));
}

function ownValue(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
