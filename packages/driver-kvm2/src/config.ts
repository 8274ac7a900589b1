import { createHash } from "node:crypto";
import type { MachineSpec } from "@mk/core";
import { MkError } from "@mk/core";
import { deriveMacAddress } from "@mk/vm";
import { type Kvm2Options, options } from "./options.js";

/** What the driver persists of a machine: plain JSON. */
export interface Kvm2Config {
  readonly version: 1;
  readonly uri: Kvm2Options["uri"];
  /** Name of the libvirt domain; its UUID is the machine's id, which is what proves that it is ours. */
  readonly domain: string;
  readonly mac: string;
  /** A network of the user's; undefined for the machine's own. */
  readonly network?: string;
  readonly virtualization: Kvm2Options["virtualization"];
  readonly cpuModel?: string;
  readonly hidden: boolean;
  readonly diskCache: Kvm2Options["diskCache"];
}

/** NOT_SUPPORTED for mounts. */
export function createConfig(spec: MachineSpec, values: Kvm2Options): Kvm2Config {
  if (spec.mounts.length > 0) {
    throw new MkError("NOT_SUPPORTED", "driver kvm2 cannot share a directory of the host", {
      hint: "Copy files with mk cp instead.",
    });
  }
  return {
    version: 1,
    uri: values.uri,
    domain: `mk-${spec.name}`,
    mac: deriveMacAddress(spec.id),
    ...(values.network !== undefined && { network: values.network }),
    virtualization: values.virtualization,
    ...(values.cpuModel !== undefined && { cpuModel: values.cpuModel }),
    hidden: values.hidden,
    diskCache: values.diskCache,
  };
}

/** CONFIG_CORRUPT for anything that {@link createConfig} did not make, STATE_TOO_NEW for what a later version of it made. */
export function parseConfig(raw: unknown): Kvm2Config {
  if (isConfig(raw)) return raw;
  const version = typeof raw === "object" && raw !== null && "version" in raw ? Number(raw.version) : 0;
  if (version > 1) {
    throw new MkError(
      "STATE_TOO_NEW",
      `the machine's kvm2 configuration has version ${version}, this driver writes 1`,
      {
        hint: "Update @mk/driver-kvm2.",
      },
    );
  }
  throw new MkError("CONFIG_CORRUPT", "the machine's kvm2 configuration is not one that this driver wrote", {
    hint: "Delete the machine and create it again.",
  });
}

function isConfig(raw: unknown): raw is Kvm2Config {
  if (typeof raw !== "object" || raw === null) return false;
  const config = raw as Partial<Record<keyof Kvm2Config, unknown>>;
  return (
    config.version === 1 &&
    options.uri.choices.some((choice) => choice === config.uri) &&
    typeof config.domain === "string" &&
    typeof config.mac === "string" &&
    (config.network === undefined || typeof config.network === "string") &&
    options.virtualization.choices.some((choice) => choice === config.virtualization) &&
    (config.cpuModel === undefined || typeof config.cpuModel === "string") &&
    typeof config.hidden === "boolean" &&
    options.diskCache.choices.some((choice) => choice === config.diskCache)
  );
}

/** The UUID of the machine's own network: derived, so that it too proves ownership. Version 8 of RFC 9562 (custom). */
export function networkUuid(machineId: string): string {
  const hash = createHash("sha256").update(`mk-network:${machineId}`).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash
    .subarray(0, 16)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Name of a machine's bridge, by which a network is known as mk's, whatever its UUID: interface names end at 15 bytes. */
export function bridgeName(machineId: string): string {
  return `mk${createHash("sha256").update(machineId).digest("hex").slice(0, 10)}`;
}

/** Whether {@link bridgeName} gives such names. */
export function isBridgeName(name: string): boolean {
  return /^mk[0-9a-f]{10}$/.test(name);
}
