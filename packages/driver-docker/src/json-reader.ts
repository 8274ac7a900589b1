import { MkError } from "@mk/core";

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Readers for what an engine answers. An engine that lies gets PROTOCOL_ERROR naming the field, never a TypeError in the driver. */
export function asRecord(value: unknown, what: string): JsonRecord {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonRecord;
  throw unexpected(what, "an object", value);
}

export function asString(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw unexpected(what, "a string", value);
}

export function asArray(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected(what, "an array", value);
}

/** Go encodes an empty list as null. */
export function asList(value: unknown, what: string): readonly unknown[] {
  return value === null || value === undefined ? [] : asArray(value, what);
}

/** A map of strings; Go encodes an empty one as null. */
export function asStrings(value: unknown, what: string): Readonly<Record<string, string>> {
  if (value === null || value === undefined) return {};
  return Object.fromEntries(Object.entries(asRecord(value, what)).map(([key, item]) => [key, asString(item, what)]));
}

export function asOptionalString(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function unexpected(what: string, wanted: string, value: unknown): MkError {
  const got = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  return new MkError("PROTOCOL_ERROR", `the Docker Engine answered with ${got} where ${what} is ${wanted}`, {
    hint: "Check that DOCKER_HOST and the Docker context name a Docker Engine.",
  });
}
