import { MkError } from "../errors.js";

/**
 * Quotes a string so that a POSIX shell takes it as one word, byte for byte. SSH sends a command as one string for the user's shell:
 * this is the only place where mk makes such a string. INVALID_ARGUMENT for a NUL, which no argument can hold.
 */
export function quoteForShell(word: string): string {
  if (word.includes("\0")) {
    throw new MkError("INVALID_ARGUMENT", "an argument of a command holds a NUL character", {
      hint: "Give such data on standard input instead.",
    });
  }
  // All within single quotes is literal. Nothing is left bare: a reserved word such as `if` would not be a program's name any more.
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command line for the machine's shell: environment, then argv. TypeError for an empty argv. */
export function commandLine(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  if (argv.length === 0) throw new TypeError("argv is empty");
  const assignments = Object.entries(env).map(([name, value]) => `${variableName(name)}=${quoteForShell(value)}`);
  return [...assignments, ...argv.map(quoteForShell)].join(" ");
}

/** INVALID_ARGUMENT for what cannot be the name of an environment variable: it could be code. */
export function variableName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new MkError("INVALID_ARGUMENT", `${JSON.stringify(name)} is no name for an environment variable`, {
    hint: "Use letters, digits and underscores only.",
  });
}
