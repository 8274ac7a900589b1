import { padEnd, textWidth } from "./width.js";

/** Rows in columns wide enough for their longest cell, two spaces apart; the last column is not padded, so that lines end where text does. */
export function table(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, textWidth(cell));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => padEnd(cell, widths[column] ?? 0));
      return `${indent}${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}
