import { createHash } from "node:crypto";
import type { MachineSpec } from "../contract/spec.js";
import { MkError } from "../errors.js";
import { isRecord } from "../is-record.js";
import { canonicalJson, parseJson } from "./parse-json.js";

/** Version of the layout of config.json. A file with a higher one is left as it is. */
export const SCHEMA_VERSION = 1;

/** What mk remembers of a machine: config.json. The file is 0600, since options and the driver's config may hold secrets. */
export interface MachineConfig {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly machine: {
    /** ISO 8601. */
    readonly createdAt: string;
    readonly spec: MachineSpec;
  };
  readonly driver: { readonly name: string; readonly package?: string; readonly version?: string };
  /** The driver's options as validated at creation or at the last change. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The driver's own; opaque to core. */
  readonly driverConfig: unknown;
}

/** The text of config.json: readable, with a checksum over everything else. */
export function encodeMachineConfig(config: MachineConfig): string {
  return `${JSON.stringify({ ...config, checksum: checksum(config) }, null, 2)}\n`;
}

/**
 * Parses config.json of the machine `name`. CONFIG_CORRUPT when it does not parse, is of the wrong shape, fails its checksum or is
 * another machine's; STATE_TOO_NEW when a newer mk wrote it.
 */
export function decodeMachineConfig(text: string, name: string): MachineConfig {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw corrupt(name, "it is not JSON", cause);
  }
  if (!isRecord(value)) throw corrupt(name, "it is not an object");
  const { checksum: stored, ...rest } = value;
  if (typeof rest.schemaVersion === "number" && rest.schemaVersion > SCHEMA_VERSION) {
    throw new MkError("STATE_TOO_NEW", `the state of machine ${JSON.stringify(name)} was written by a newer mk`, {
      hint: "Update mk to the version that last used this machine.",
      details: { name, schemaVersion: rest.schemaVersion, understood: SCHEMA_VERSION },
    });
  }
  if (rest.schemaVersion !== SCHEMA_VERSION) throw corrupt(name, "it has no schema version");
  if (stored !== checksum(rest)) throw corrupt(name, "its checksum is wrong");
  const config = rest as unknown as MachineConfig;
  // A right checksum over a wrong shape is a bug of ours or somebody's editing with care: refuse it here, once.
  if (
    !isRecord(config.machine) ||
    !isRecord(config.machine.spec) ||
    !isRecord(config.driver) ||
    !isRecord(config.options)
  ) {
    throw corrupt(name, "a part of it is missing");
  }
  if (typeof config.driver.name !== "string" || typeof config.machine.spec.id !== "string") {
    throw corrupt(name, "a part of it is missing");
  }
  if (config.machine.spec.name !== name)
    throw corrupt(name, `it is of machine ${JSON.stringify(config.machine.spec.name)}`);
  return config;
}

function checksum(value: unknown): string {
  // Through JSON once, so that `undefined` members count alike before and after the disk.
  return `sha256:${createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(value))))
    .digest("hex")}`;
}

function corrupt(name: string, why: string, cause?: unknown): MkError {
  return new MkError("CONFIG_CORRUPT", `config.json of machine ${JSON.stringify(name)} cannot be used: ${why}`, {
    hint: `Put the file back from a backup, or run \`mk delete --forget -p ${name}\`.`,
    details: { name },
    cause,
  });
}
