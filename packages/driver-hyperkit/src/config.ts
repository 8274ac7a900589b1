import { type MachineSpec, MkError, type OptionValues } from "@mk/core";
import type { options } from "./options.js";

/** What the driver persists of a machine: nothing that a start finds out. */
export interface HyperkitConfig {
  readonly version: 1;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly binary?: string;
  readonly extraArgs: readonly string[];
}

/** VM_MAXCPU of HyperKit. */
const MAX_CPUS = 16;

/** NOT_SUPPORTED for what HyperKit cannot do: another CPU architecture, more than 16 CPUs, mounts. */
export function createConfig(spec: MachineSpec, values: OptionValues<typeof options>): HyperkitConfig {
  if (spec.arch !== "amd64") {
    throw refused(`HyperKit runs amd64 guests only, not ${spec.arch}`, "Use the qemu driver for arm64 guests.");
  }
  if (spec.cpus > MAX_CPUS) {
    throw refused(`HyperKit gives a machine at most ${MAX_CPUS} CPUs, not ${spec.cpus}`, "Ask for fewer CPUs.");
  }
  if (spec.mounts.length > 0) {
    throw refused("HyperKit cannot mount a directory of the host", "Copy files with mk cp instead.");
  }
  return {
    version: 1,
    cpus: spec.cpus,
    memoryMiB: spec.memoryMiB,
    diskMiB: spec.diskMiB,
    ...(values.binary !== undefined && { binary: values.binary }),
    extraArgs: [...values.extraArgs],
  };
}

/** Parses what {@link createConfig} made once. CONFIG_CORRUPT names the setting that cannot be; STATE_TOO_NEW for what a later version wrote. */
export function parseConfig(raw: unknown): HyperkitConfig {
  const values = typeof raw === "object" && raw !== null ? (raw as Readonly<Record<string, unknown>>) : {};
  const { version, cpus, memoryMiB, diskMiB, binary, extraArgs } = values;
  if (typeof version === "number" && version > 1) {
    throw new MkError(
      "STATE_TOO_NEW",
      `the machine's HyperKit configuration has version ${version}, this driver writes 1`,
      { hint: "Update @mk/driver-hyperkit." },
    );
  }
  if (version !== 1) throw corrupt("version");
  if (!isCount(cpus)) throw corrupt("cpus");
  if (!isCount(memoryMiB)) throw corrupt("memoryMiB");
  if (!isCount(diskMiB)) throw corrupt("diskMiB");
  if (binary !== undefined && (typeof binary !== "string" || !binary.startsWith("/"))) throw corrupt("binary");
  if (!Array.isArray(extraArgs) || !extraArgs.every((argument) => typeof argument === "string")) {
    throw corrupt("extraArgs");
  }
  return { version, cpus, memoryMiB, diskMiB, ...(binary !== undefined && { binary }), extraArgs };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function refused(message: string, hint: string): MkError {
  return new MkError("NOT_SUPPORTED", message, { hint });
}

function corrupt(key: string): MkError {
  return new MkError("CONFIG_CORRUPT", `the machine's HyperKit configuration has no usable "${key}"`, {
    hint: "Delete the machine and create it again, or restore its config.json.",
    details: { key },
  });
}
