/** Columns a text takes in a terminal: escape sequences none, wide characters (CJK, emoji) two. */
export function textWidth(text: string): number {
  const plain = stripStyle(text);
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of segments(plain)) width += isWide(segment) ? 2 : 1;
  return width;
}

/** The text without colours. */
export function stripStyle(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}

let segmenter: Intl.Segmenter | undefined;

/** Characters as people count them. Made at the first use: it loads ICU's data, which takes as long as Node's own start. */
function segments(text: string): Iterable<{ readonly segment: string }> {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

function isWide(segment: string): boolean {
  return /^(?:\p{Extended_Pictographic}\ufe0f|\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6])/u.test(
    segment,
  );
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** The first columns of a text without style, with an ellipsis where some was cut. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let result = "";
  let used = 0;
  for (const { segment } of segments(text)) {
    used += isWide(segment) ? 2 : 1;
    if (used > width - 1) break;
    result += segment;
  }
  return `${result}…`;
}
