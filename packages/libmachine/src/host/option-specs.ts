import type { MachineSpec, OptionSpec } from "@mk/core";
import type { CreateFlag, FlagValue } from "../protocol/flags.js";

/** One create flag of a plugin as an mk option. */
export interface FlagOption {
  /** camelCase, without the driver's name: `virtualbox-cpu-count` of driver virtualbox is `cpuCount`. */
  readonly key: string;
  readonly flag: CreateFlag;
  readonly spec: OptionSpec;
  /** What mk's own `--cpus`, `--memory` or `--disk-size` gives it, when the user names no other value. */
  readonly hardware?: "cpus" | "memoryMiB" | "diskMiB";
}

/** Words in a flag's name that mean that its value is nobody's business. */
const SECRET_WORDS = /(?:^|-)(?:\w*token|\w*password|passwd|pass|\w*secret|key|\w*apikey|credentials?)(?:-|$)/i;
/** Words behind which a key is not itself but names a thing that is public or a file. */
const PUBLIC_KEY = /(?:^|-)(?:ssh-key(?:-path)?|keypair-name|key-?pair|key-name|public-key)(?:-|$)/i;

/** The flags of driver `driver` as options, in their order. */
export function flagOptions(driver: string, flags: readonly CreateFlag[]): readonly FlagOption[] {
  const taken = new Set<string>();
  return flags.flatMap((flag) => {
    const prefix = `${driver}-`;
    const short = toCamelCase(flag.name.startsWith(prefix) ? flag.name.slice(prefix.length) : flag.name);
    const key = taken.has(short) ? toCamelCase(flag.name) : short;
    // Two flags that differ in nothing but case or dashes: the first is reachable, the other keeps its default.
    if (key === "" || taken.has(key)) return [];
    taken.add(key);
    const hardware = hardwareOf(driver, flag);
    return [{ key, flag, spec: specOf(flag, hardware !== undefined), ...(hardware !== undefined && { hardware }) }];
  });
}

function toCamelCase(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+(.)/g, (_, next: string) => next.toUpperCase())
    .replace(/[^a-zA-Z0-9]/g, "");
}

export function isSecretFlag(name: string): boolean {
  return SECRET_WORDS.test(name) && !PUBLIC_KEY.test(name);
}

/**
 * Flags that mean what mk's own settings mean. Only exact names count, and sizes only when the default tells that they are in MB: there are drivers that count in GB.
 */
function hardwareOf(driver: string, flag: CreateFlag): FlagOption["hardware"] {
  if (flag.kind !== "integer" || !flag.name.startsWith(`${driver}-`)) return undefined;
  const name = flag.name.slice(driver.length + 1);
  if (/^(?:cpus?|cpu-count)$/.test(name)) return "cpus";
  if (flag.default < 256) return undefined;
  if (/^(?:memory|memory-size|mem)$/.test(name)) return "memoryMiB";
  if (/^(?:disk-size|disk)$/.test(name)) return "diskMiB";
  return undefined;
}

function specOf(flag: CreateFlag, followsHardware: boolean): OptionSpec {
  const base = {
    describe: describe(flag.usage),
    ...(flag.env !== "" && { env: flag.env }),
    ...(isSecretFlag(flag.name) && { secret: true }),
  };
  switch (flag.kind) {
    case "string":
      return { ...base, type: "string", ...(flag.default !== "" && { default: flag.default }) };
    case "integer":
      return { ...base, type: "integer", ...(!followsHardware && { default: flag.default }) };
    case "boolean":
      return { ...base, type: "boolean", default: false };
    case "list":
      return { ...base, type: "list", default: flag.default };
    default:
      return flag satisfies never;
  }
}

// Help is one line, lower case, without a full stop.
function describe(usage: string): string {
  const line = usage.split("\n", 1)[0]!.trim().replace(/\.$/, "");
  const startsWithWord = /^[A-Z][a-z]/.test(line);
  return startsWithWord ? line[0]!.toLowerCase() + line.slice(1) : line;
}

/** What SetConfigFromFlags gets: every flag of the driver, and the flags of docker-machine itself that its base class reads. */
export function flagValues(
  options: readonly FlagOption[],
  spec: MachineSpec,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, FlagValue>> {
  const values: Record<string, FlagValue> = {
    "swarm-master": false,
    "swarm-host": "tcp://0.0.0.0:3376",
    "swarm-discovery": "",
  };
  for (const { key, flag, hardware } of options) {
    const fallback = hardware === undefined ? (flag.kind === "boolean" ? false : flag.default) : spec[hardware];
    // Core has checked the options against their declaration.
    values[flag.name] = (given[key] as FlagValue | undefined) ?? fallback;
  }
  return values;
}
