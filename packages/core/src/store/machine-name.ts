import { MkError } from "../errors.js";

/** A DNS label, short enough that `mk-<name>` with a suffix still is one. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/;
const MAX_LENGTH = 50;

/** Names that Windows or resolvers give a meaning of their own. */
const RESERVED = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|localhost)$/;

/** Whether `name` may be a machine's name: lower-case letters, digits and inner hyphens, at most 50, not reserved. */
export function isMachineName(name: string): boolean {
  // `xn--` announces an encoded international name: resolvers and TLS clients decode it or fail.
  return NAME.test(name) && !RESERVED.test(name) && !name.startsWith("xn--");
}

/** Throws INVALID_NAME with a suggestion unless {@link isMachineName}. The name becomes a directory, a hostname and a label. */
export function assertMachineName(name: string): void {
  if (typeof name === "string" && isMachineName(name)) return;
  const suggestion = suggestMachineName(String(name));
  const shown = JSON.stringify(String(name).slice(0, 80));
  throw new MkError("INVALID_NAME", `${shown} cannot be the name of a machine: ${whyNot(String(name))}`, {
    hint: `Use a name like ${JSON.stringify(suggestion)}.`,
    details: { name: String(name).slice(0, 80), suggestion },
  });
}

/** The nearest valid name. */
export function suggestMachineName(name: string): string {
  const slug = name
    .slice(0, 200)
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_LENGTH - 2)
    .replace(/^-+|-+$/g, "");
  if (slug === "") return "mk";
  return isMachineName(slug) ? slug : `${slug.replace(/^xn-+/, "")}-1`;
}

function whyNot(name: string): string {
  if (name === "") return "it is empty";
  if (name.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`;
  if (RESERVED.test(name)) return "operating systems reserve it";
  if (name.startsWith("xn--")) return "xn-- is reserved for encoded international names";
  return "only a-z, 0-9 and hyphens between them are allowed";
}
