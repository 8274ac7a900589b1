/** What the user gave for a command: camelCase names; text as typed, lists for flags that may be repeated, booleans for switches. */
export type Flags = Readonly<Record<string, unknown>>;

/** The text of a flag with a value; undefined when it was not given. */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/** All values of a flag that may be repeated. */
export function list(flags: Flags, name: string): readonly string[] {
  const value = flags[name];
  return Array.isArray(value) ? value : [];
}

/** Whether a switch was given. */
export function isOn(flags: Flags, name: string): boolean {
  return flags[name] === true;
}

/** What stood behind `--`. */
export function passedThrough(flags: Flags): readonly string[] {
  return list(flags, "--");
}
