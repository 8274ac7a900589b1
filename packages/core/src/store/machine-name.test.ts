import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { assertMachineName, isMachineName, suggestMachineName } from "./machine-name.js";

describe("a machine's name", () => {
  it.each(["mk", "a", "0", "a-b", "a--b", "x1", "constructor", "a".repeat(50)])("may be %s", (name) => {
    expect(isMachineName(name)).toBe(true);
    expect(() => assertMachineName(name)).not.toThrow();
  });

  it.each([
    ["", "mk"],
    ["Foo", "foo"],
    ["my machine", "my-machine"],
    ["-x-", "x"],
    ["Ünïcode", "unicode"],
    ["con", "con-1"],
    ["a".repeat(64), "a".repeat(48)],
    ["../etc", "etc"],
    ["😀", "mk"],
  ])("may not be %j; %j would do", (name, suggestion) => {
    expect(isMachineName(name)).toBe(false);
    expect(suggestMachineName(name)).toBe(suggestion);
  });

  test.prop([fc.oneof(fc.string(), fc.string({ unit: "binary" }))])("is suggested for anything, and valid", (text) => {
    expect(isMachineName(suggestMachineName(text))).toBe(true);
  });

  test.prop([fc.string({ unit: "binary" })])("never leaves its directory", (text) => {
    if (isMachineName(text)) expect(text).toMatch(/^[a-z0-9-]+$/);
  });
});
