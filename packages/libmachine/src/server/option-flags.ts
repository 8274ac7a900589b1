import {
  checkOptions,
  DEFAULT_HARDWARE,
  type Driver,
  namedOptions,
  type OptionSpec,
  optionDescription,
  parseOption,
} from "@mk/core";
import type { CreateFlag, FlagValue } from "../protocol/flags.js";

/** mk's own settings of a machine, as every plugin of ours takes them. */
export interface Hardware {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
}

/** What a machine is created with, out of the flags. */
export interface PluginRequest extends Hardware {
  readonly options: Readonly<Record<string, unknown>>;
}

/** The create flags of a driver that is served as `plugin`: its options and mk's hardware settings. */
export function createFlags(plugin: string, driver: Driver): readonly CreateFlag[] {
  const hardware: readonly CreateFlag[] = [
    hardwareFlag(plugin, "cpus", "number of CPUs", DEFAULT_HARDWARE.cpus),
    hardwareFlag(plugin, "memory", "memory of the machine in MB", DEFAULT_HARDWARE.memoryMiB),
    hardwareFlag(plugin, "disk-size", "size of the machine's disk in MB", DEFAULT_HARDWARE.diskMiB),
  ];
  return [...hardware, ...namedOptions(driver).map((option) => flagOf(plugin, driver.name, option))];
}

function hardwareFlag(plugin: string, name: string, usage: string, value: number): CreateFlag {
  const env = `${plugin}_${name}`.toUpperCase().replaceAll("-", "_");
  return { kind: "integer", name: `${plugin}-${name}`, usage, env, default: value };
}

interface NamedSpec {
  readonly flag: string;
  readonly env: string;
  readonly spec: OptionSpec;
}

/**
 * The flag of one option. libmachine's booleans are false by default and its numbers always have a value: what is true by default is turned round, and a
 * number without default goes as text that may be empty.
 */
function flagOf(plugin: string, driver: string, { flag, env, spec }: NamedSpec): CreateFlag {
  const name = `${plugin}-${flag.slice(driver.length + 1)}`;
  const base = { name, usage: optionDescription(spec), env };
  switch (spec.type) {
    case "string":
      return { ...base, kind: "string", default: spec.default ?? "" };
    case "integer":
      return spec.default === undefined
        ? { ...base, kind: "string", default: "" }
        : { ...base, kind: "integer", default: spec.default };
    case "boolean":
      return spec.default === true
        ? { kind: "boolean", name: negated(plugin, name), usage: `not: ${base.usage}`, env: "" }
        : { ...base, kind: "boolean" };
    case "list":
      return { ...base, kind: "list", default: spec.default ?? [] };
    default:
      return spec satisfies never;
  }
}

function negated(plugin: string, name: string): string {
  return `${plugin}-no-${name.slice(plugin.length + 1)}`;
}

/** Reads what SetConfigFromFlags brought; flags of other drivers and of docker-machine itself are passed over. INVALID_OPTION. */
export function readFlags(plugin: string, driver: Driver, values: ReadonlyMap<string, FlagValue>): PluginRequest {
  const given: Record<string, unknown> = {};
  for (const { key, flag, spec } of namedOptions(driver)) {
    const name = `${plugin}-${flag.slice(driver.name.length + 1)}`;
    if (spec.type === "boolean" && spec.default === true) {
      if (values.get(negated(plugin, name)) === true) given[key] = false;
      continue;
    }
    const value = values.get(name);
    if (value === undefined || value === "") continue;
    given[key] =
      spec.type === "integer" && typeof value === "string" ? parseOption(spec, value, `flag --${name}`) : value;
  }
  const hardware = (name: string, otherwise: number): number => {
    const value = values.get(`${plugin}-${name}`);
    return typeof value === "number" ? value : otherwise;
  };
  return {
    cpus: hardware("cpus", DEFAULT_HARDWARE.cpus),
    memoryMiB: hardware("memory", DEFAULT_HARDWARE.memoryMiB),
    diskMiB: hardware("disk-size", DEFAULT_HARDWARE.diskMiB),
    options: checkOptions(driver, given),
  };
}
