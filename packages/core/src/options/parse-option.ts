import type { OptionSpec } from "../contract/options.js";
import { checkOption } from "./check-option.js";
import { optionError } from "./option-error.js";

const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off"]);

/** The value of an option given as text, by a flag or the environment. Lists are separated by commas. INVALID_OPTION. */
export function parseOption(spec: OptionSpec, text: string, where: string): unknown {
  switch (spec.type) {
    case "string":
      return checkOption(spec, text, where);
    case "integer":
      // Decimal digits only: Number() would also take "", "0x10", "1e9" and " 4 ".
      if (!/^-?\d{1,16}$/.test(text)) {
        throw optionError(where, `takes a whole number, not ${shownText(spec, text)}`, "Give decimal digits only.");
      }
      return checkOption(spec, Number(text), where);
    case "boolean": {
      const word = text.toLowerCase();
      if (TRUE.has(word)) return true;
      if (FALSE.has(word)) return false;
      throw optionError(where, `is true or false, not ${shownText(spec, text)}`, "Give true or false.");
    }
    case "list":
      return checkOption(
        spec,
        text
          .split(",")
          .map((item) => item.trim())
          .filter((item) => item !== ""),
        where,
      );
    default:
      throw spec satisfies never;
  }
}

function shownText(spec: OptionSpec, text: string): string {
  return spec.secret === true ? "what was given" : JSON.stringify(text);
}
