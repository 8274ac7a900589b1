import type { OptionSpec } from "../contract/options.js";
import { optionError } from "./option-error.js";

/** Proves that a value is one the option takes and returns it. INVALID_OPTION; the value of a secret is never repeated. */
export function checkOption(spec: OptionSpec, value: unknown, where: string): unknown {
  const shown = spec.secret === true ? "a value" : JSON.stringify(value);
  switch (spec.type) {
    case "string": {
      if (typeof value !== "string") throw optionError(where, `takes text, not ${shown}`, "Give it as text.");
      if (value.includes("\0")) throw optionError(where, "contains a NUL character", "Remove it.");
      if (spec.choices !== undefined && !spec.choices.includes(value)) {
        throw optionError(where, `does not take ${shown}`, `Choose one of: ${spec.choices.join(", ")}.`);
      }
      if (spec.pattern !== undefined && !matches(spec.pattern, value)) {
        throw optionError(where, `does not take ${shown}`, `Give a value that matches ${spec.pattern}.`);
      }
      return value;
    }
    case "integer": {
      if (typeof value !== "number" || !Number.isSafeInteger(value)) {
        throw optionError(where, `takes a whole number, not ${shown}`, "Give a whole number.");
      }
      const { min, max } = spec;
      if ((min !== undefined && value < min) || (max !== undefined && value > max)) {
        throw optionError(where, `does not take ${shown}`, `Give a number ${rangeText(min, max)}.`);
      }
      return value;
    }
    case "boolean":
      if (typeof value !== "boolean") throw optionError(where, `is true or false, not ${shown}`, "Give true or false.");
      return value;
    case "list":
      if (!Array.isArray(value) || value.some((item) => typeof item !== "string" || item.includes("\0"))) {
        throw optionError(where, `takes a list of texts, not ${shown}`, "Give a list of texts.");
      }
      return value;
    default:
      throw spec satisfies never;
  }
}

/** A sticky or global pattern would remember where it last matched. */
function matches(pattern: RegExp, value: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(value);
}

/** `from 1 to 4`, `of at least 1`, `of at most 4`. */
export function rangeText(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  return min === undefined ? `of at most ${max}` : `of at least ${min}`;
}
