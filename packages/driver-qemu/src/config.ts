import { type GuestArch, type MachineSpec, MkError, type PortSpec } from "@mk/core";
import { options, type QemuOptions } from "./options.js";

/** What the driver persists of a machine: nothing that a start finds out or chooses. */
export interface QemuConfig {
  readonly version: 1;
  readonly arch: GuestArch;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly ports: readonly PortSpec[];
  readonly accelerator: QemuOptions["accelerator"];
  readonly cpu?: string;
  readonly machineType?: string;
  readonly binary?: string;
  readonly diskFormat: QemuOptions["diskFormat"];
  readonly diskCache: QemuOptions["diskCache"];
  readonly sandbox: boolean;
  readonly extraArgs: readonly string[];
}

/** NOT_SUPPORTED for mounts. */
export function createConfig(spec: MachineSpec, values: QemuOptions): QemuConfig {
  if (spec.mounts.length > 0) {
    throw new MkError("NOT_SUPPORTED", "driver qemu cannot share a directory of the host", {
      hint: "Copy files with mk cp instead.",
    });
  }
  return {
    version: 1,
    arch: spec.arch,
    cpus: spec.cpus,
    memoryMiB: spec.memoryMiB,
    diskMiB: spec.diskMiB,
    ports: spec.ports.map((port) => ({ ...port })),
    accelerator: values.accelerator,
    ...(values.cpu !== undefined && { cpu: values.cpu }),
    ...(values.machineType !== undefined && { machineType: values.machineType }),
    ...(values.binary !== undefined && { binary: values.binary }),
    diskFormat: values.diskFormat,
    diskCache: values.diskCache,
    sandbox: values.sandbox,
    extraArgs: [...values.extraArgs],
  };
}

const isText = (value: unknown) => typeof value === "string";
const isAbsentOrText = (value: unknown) => value === undefined || isText(value);
const isPositive = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;
const isOneOf = (choices: readonly string[]) => (value: unknown) => choices.includes(value as string);
const isPort = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;

const CHECKS: { readonly [Key in keyof Required<QemuConfig>]: (value: unknown) => boolean } = {
  version: (value) => value === 1,
  arch: isOneOf(["amd64", "arm64"]),
  cpus: isPositive,
  memoryMiB: isPositive,
  diskMiB: isPositive,
  ports: (value) => Array.isArray(value) && value.every(isPortSpec),
  accelerator: isOneOf(options.accelerator.choices),
  cpu: isAbsentOrText,
  machineType: isAbsentOrText,
  binary: isAbsentOrText,
  diskFormat: isOneOf(options.diskFormat.choices),
  diskCache: isOneOf(options.diskCache.choices),
  sandbox: (value) => typeof value === "boolean",
  extraArgs: (value) => Array.isArray(value) && value.every(isText),
};

/** Parses what {@link createConfig} made once. CONFIG_CORRUPT names the setting that cannot be; STATE_TOO_NEW for what a later version wrote. */
export function parseConfig(raw: unknown): QemuConfig {
  const values = typeof raw === "object" && raw !== null ? (raw as Record<string, unknown>) : {};
  if (typeof values.version === "number" && values.version > 1) {
    throw new MkError(
      "STATE_TOO_NEW",
      `the machine's QEMU configuration has version ${values.version}, this driver writes 1`,
      { hint: "Update @mk/driver-qemu." },
    );
  }
  const parsed: Record<string, unknown> = {};
  for (const [key, check] of Object.entries(CHECKS)) {
    if (!check(values[key])) {
      throw new MkError("CONFIG_CORRUPT", `the machine's QEMU configuration has no usable "${key}"`, {
        hint: "Delete the machine and create it again, or restore its config.json.",
        details: { key },
      });
    }
    if (values[key] !== undefined) parsed[key] = values[key];
  }
  // Every key of QemuConfig was checked above; CHECKS is complete by its type.
  return parsed as unknown as QemuConfig;
}

function isPortSpec(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { hostAddress, hostPort, guestPort } = value as Record<string, unknown>;
  return isText(hostAddress) && isPort(hostPort) && isPort(guestPort) && guestPort !== 0;
}
