import { quoteForShell } from "@mk/core";

/** A command as people would type it: quoted only where a shell would read something else. */
export function shownCommand(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoteForShell(word))).join(" ");
}

/** One word for fish: only `\` and `'` are special within single quotes. */
export function quoteFish(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** One string for PowerShell: within single quotes only the quote itself, doubled; typographic quotes count as quotes too. */
export function quotePowerShell(word: string): string {
  return `'${word.replace(/['\u2018-\u201b]/g, "$&$&")}'`;
}
