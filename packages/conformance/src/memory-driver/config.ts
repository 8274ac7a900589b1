import { type MachineSpec, MkError, type OptionValues } from "@mk/core";
import type { options } from "./options.js";

/** The memory driver's config. Version 1 had no `labels`. */
export interface MemoryConfig {
  readonly version: 2;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly bootMs: number;
  readonly verbose: boolean;
  readonly labels: readonly string[];
}

export function createConfig(spec: MachineSpec, values: OptionValues<typeof options>): MemoryConfig {
  return {
    version: 2,
    cpus: spec.cpus,
    memoryMiB: spec.memoryMiB,
    bootMs: values.bootMs,
    verbose: values.verbose,
    labels: [...values.labels],
  };
}

export function parseConfig(raw: unknown): MemoryConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw corrupt("it is no object");
  const { version, cpus, memoryMiB, bootMs, verbose, labels = [] } = raw as Record<string, unknown>;
  if (typeof version === "number" && version > 2) {
    throw new MkError("STATE_TOO_NEW", `the memory driver's config has version ${version}, this one writes 2`, {
      hint: "Update mk.",
    });
  }
  if (version !== 1 && version !== 2) throw corrupt(`its version is ${JSON.stringify(version)}`);
  if (!isCount(cpus) || !isCount(memoryMiB) || !isCount(bootMs)) throw corrupt("a number in it is missing or wrong");
  if (typeof verbose !== "boolean") throw corrupt("verbose is no boolean");
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === "string")) throw corrupt("labels is no list");
  return { version: 2, cpus, memoryMiB, bootMs, verbose, labels };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

function corrupt(why: string): MkError {
  return new MkError("CONFIG_CORRUPT", `the memory driver's config does not parse: ${why}`, {
    hint: "Delete the machine and create it again.",
  });
}
