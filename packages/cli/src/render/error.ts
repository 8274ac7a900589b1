import { hintOf, type MkError } from "@mk/core";
import type { Palette } from "../terminal/palette.js";

/** An error for people, or as one line of JSON: `{"error":{"code",…}}`. Stacks are shown only under MK_DEBUG. */
export function renderError(
  error: MkError,
  options: {
    readonly json: boolean;
    readonly palette: Palette;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): string {
  const hint = hintOf(error);
  if (options.json) return `${JSON.stringify({ error: { ...error.toJSON(), hint } })}\n`;
  const { bold, red, dim, cyan } = options.palette;
  const lines = [`${red(bold("mk:"))} ${error.message} ${dim(`(${error.code})`)}`];
  if (hint !== undefined) lines.push(`    ${cyan(hint)}`);
  if (error.docs !== undefined) lines.push(`    ${dim(`more: ${error.docs}`)}`);
  if (options.env.MK_DEBUG) lines.push(...stacks(error).map(dim));
  return `${lines.join("\n")}\n`;
}

function stacks(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return error === undefined ? [] : [String(error)];
  return [error.stack ?? error.message, ...stacks(error.cause)];
}
