import { MkError } from "@mk/core";
import type { FlagValue } from "../protocol/flags.js";

/** What mk keeps of a machine of an external driver beside the driver's own JSON: the flags it was created with. */
export interface ExternalConfig {
  readonly version: 1;
  readonly flags: Readonly<Record<string, FlagValue>>;
}

export function parseExternalConfig(driver: string, raw: unknown): ExternalConfig {
  const config = raw as Partial<ExternalConfig> | null | undefined;
  const isFlag = (value: unknown): boolean =>
    ["string", "number", "boolean"].includes(typeof value) ||
    (Array.isArray(value) && value.every((item) => typeof item === "string"));
  if (
    config?.version === 1 &&
    typeof config.flags === "object" &&
    config.flags !== null &&
    Object.values(config.flags).every(isFlag)
  ) {
    return { version: 1, flags: config.flags };
  }
  if (Number(config?.version) > 1) {
    throw new MkError("STATE_TOO_NEW", `the stored settings of driver ${driver} have version ${config?.version}`, {
      hint: "Update mk.",
    });
  }
  throw new MkError("CONFIG_CORRUPT", `the stored settings of driver ${driver} do not parse`);
}
