import { padEnd, textWidth } from "./width.js";

/** A narrower column is a ladder of single words. */
const MIN_WRAPPED = 24;

/**
 * Rows in columns wide enough for their longest cell, two spaces apart; the last column is not padded, so that lines end where text does. Where
 * a line would be wider than `width`, its last column goes on below where that begins, or below the row when there is too little room.
 */
export function table(rows: readonly (readonly string[])[], indent = "", width = Number.POSITIVE_INFINITY): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, textWidth(cell));
  }
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, indent.length);
  const hasRoom = width - before >= MIN_WRAPPED;
  const hanging = " ".repeat(hasRoom ? before : indent.length + 6);
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => padEnd(cell, widths[column] ?? 0));
      const line = `${indent}${cells.join("  ")}`.trimEnd();
      const last = row[widths.length - 1];
      if (last === undefined || textWidth(line) <= width) return line;
      const head = `${indent}${cells.slice(0, -1).join("  ")}`;
      const tail = wrap(last, width - hanging.length).join(`\n${hanging}`);
      return hasRoom ? `${head}  ${tail}` : `${head.trimEnd()}\n${hanging}${tail}`;
    })
    .join("\n");
}

/** A text in lines of at most this width; a word that is wider has a line of its own. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && textWidth(line) + 1 + textWidth(word) <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
