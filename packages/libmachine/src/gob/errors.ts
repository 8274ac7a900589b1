import { MkError } from "@mk/core";

/** The stream breaks gob's rules: nothing after it can be trusted. */
export function malformed(what: string): MkError {
  return new MkError("PROTOCOL_ERROR", `malformed gob: ${what}`);
}

/** A well-formed value is not what the schema wants. The stream goes on behind it. */
export class SchemaMismatch extends Error {}
