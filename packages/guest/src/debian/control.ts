/** The fields of one stanza of a Debian control file (deb822), names in lower case, continuation lines joined by newlines. */
export type Stanza = ReadonlyMap<string, string>;

/** Parses one stanza; lines that are comments or no fields are passed over, as apt does. Source: man 5 deb822. */
export function parseStanza(text: string): Stanza {
  const fields = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (name !== undefined) fields.set(name, `${fields.get(name)}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    name = line.slice(0, colon).toLowerCase();
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/** Splits a control file into its stanzas. */
export function parseStanzas(text: string): readonly Stanza[] {
  return text
    .replaceAll("\r\n", "\n")
    .split(/\n\s*\n/)
    .map(parseStanza)
    .filter((stanza) => stanza.size > 0);
}
