import { expect } from "vitest";

/** What a store, an event or a peer would get of a value. */
export function throughJson(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Fails for anything that JSON would lose: dates, maps, class instances, functions, NaN, undefined in lists. */
export function expectPlainJson(value: unknown): void {
  expect(notPlain(value, "value")).toEqual([]);
}

function notPlain(value: unknown, at: string): string[] {
  if (value === null || typeof value === "string" || typeof value === "boolean") return [];
  if (typeof value === "number") return Number.isFinite(value) ? [] : [`${at} is ${value}`];
  if (Array.isArray(value)) return value.flatMap((entry, index) => notPlain(entry, `${at}[${index}]`));
  if (typeof value !== "object") return [`${at} is a ${typeof value}`];
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return [`${at} is a ${prototype.constructor?.name}`];
  return Object.entries(value).flatMap(([key, entry]) => (entry === undefined ? [] : notPlain(entry, `${at}.${key}`)));
}

export function freezeDeep<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const entry of Object.values(value)) freezeDeep(entry);
  return Object.freeze(value);
}
