import { type MachineSpec, MkError, type OptionValues } from "@mk/core";
import type { options } from "./options.js";

/** What mk persists of a machine for this driver: plain JSON with a version, so that later releases can migrate it. */
export interface Config {
  readonly version: 1;
  readonly program: string;
}

/** Pure: mk's hardware spec and the validated options to this driver's own config. */
export function createConfig(_spec: MachineSpec, values: OptionValues<typeof options>): Config {
  return { version: 1, program: values.program };
}

export function parseConfig(raw: unknown): Config {
  const config = raw as Partial<Config> | null | undefined;
  if (config?.version === 1 && typeof config.program === "string") return { version: 1, program: config.program };
  if (Number(config?.version) > 1) {
    throw new MkError("STATE_TOO_NEW", "the stored configuration is one of a later version of this driver", {
      hint: "Update {{package}}.",
    });
  }
  throw new MkError("CONFIG_CORRUPT", "the stored configuration is not one this driver wrote", {
    hint: "Delete the machine and create it again.",
  });
}
