import type { OptionSpecs } from "@mk/core";

/** Declared once: flags (`--{{driver}}-program`), environment variables, validation, help, completion and types follow. */
export const options = {
  program: { type: "string", default: "sleep", describe: "program that stands for the machine while it runs" },
} as const satisfies OptionSpecs;
