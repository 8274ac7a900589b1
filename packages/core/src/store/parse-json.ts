/** Parses JSON from disk. Throws SyntaxError for more than `maxBytes`, for deep nesting and for keys that would reach a prototype. */
export function parseJson(text: string, maxBytes = 4 * 1024 * 1024): unknown {
  if (Buffer.byteLength(text) > maxBytes) throw new SyntaxError(`more than ${maxBytes} bytes of JSON`);
  if (text.startsWith("\uFEFF")) throw new SyntaxError("JSON with a byte order mark");
  const value: unknown = JSON.parse(text);
  assertPlain(value, 0);
  return value;
}

function assertPlain(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > 64) throw new SyntaxError("JSON nested deeper than 64 levels");
  for (const key of Object.keys(value)) {
    if (key === "__proto__") throw new SyntaxError(`JSON with the key ${key}`);
    assertPlain((value as Record<string, unknown>)[key], depth + 1);
  }
}

/** JSON with sorted keys, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
