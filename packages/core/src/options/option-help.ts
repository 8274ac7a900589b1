import type { OptionSpec } from "../contract/options.js";
import { rangeText } from "./check-option.js";

/** The value's placeholder in help: `<auto|kvm|tcg>`, `<number>`, `<text>`, `<a,b,…>`; empty for booleans. */
export function optionPlaceholder(spec: OptionSpec): string {
  switch (spec.type) {
    case "string":
      return spec.choices === undefined ? "<text>" : `<${spec.choices.join("|")}>`;
    case "integer":
      return "<number>";
    case "boolean":
      return "";
    case "list":
      return "<a,b,…>";
    default:
      throw spec satisfies never;
  }
}

/** One line of help: what it is, its range and its default. */
export function optionDescription(spec: OptionSpec): string {
  const notes: string[] = [];
  if (spec.type === "integer" && (spec.min !== undefined || spec.max !== undefined)) {
    notes.push(rangeText(spec.min, spec.max));
  }
  if (spec.default !== undefined && spec.secret !== true && String(spec.default) !== "") {
    notes.push(`default: ${String(spec.default)}`);
  }
  return notes.length === 0 ? spec.describe : `${spec.describe} (${notes.join("; ")})`;
}
