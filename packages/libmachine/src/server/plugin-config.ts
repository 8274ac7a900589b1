import { MkError } from "@mk/core";
import { type BaseConfig, newBaseConfig } from "../protocol/base-config.js";
import type { PluginRequest } from "./option-flags.js";

/** What docker-machine keeps for us in its config.json: BaseDriver's fields, and what the machine was asked to be. */
export interface PluginConfig extends BaseConfig {
  readonly CPU: number;
  /** MiB. */
  readonly Memory: number;
  /** MiB. */
  readonly DiskSize: number;
  /** mk's driver options by their camelCase names. */
  readonly Options: Readonly<Record<string, unknown>>;
}

const EMPTY: PluginConfig = { ...newBaseConfig("", ""), CPU: 0, Memory: 0, DiskSize: 0, Options: {} };

/** Merges JSON into a configuration, as Go does: unknown keys are ignored, wrong types are errors. CONFIG_CORRUPT. */
export function mergeConfig(config: PluginConfig | undefined, json: string): PluginConfig {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (cause) {
    throw new MkError("CONFIG_CORRUPT", "the driver's configuration is no JSON", { cause });
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new MkError("CONFIG_CORRUPT", "the driver's configuration is no JSON object");
  }
  const merged: Record<string, unknown> = { ...EMPTY, ...config };
  for (const [key, value] of Object.entries(raw)) {
    // null changes nothing in Go.
    if (!Object.hasOwn(EMPTY, key) || value === null) continue;
    if (typeof value !== typeof merged[key] || Array.isArray(value)) {
      throw new MkError("CONFIG_CORRUPT", `field ${key} of the driver's configuration is a ${typeof value}`);
    }
    merged[key] = value;
  }
  return merged as unknown as PluginConfig;
}

export function withRequest(config: PluginConfig, request: PluginRequest): PluginConfig {
  return {
    ...config,
    CPU: request.cpus,
    Memory: request.memoryMiB,
    DiskSize: request.diskMiB,
    Options: request.options,
  };
}
