import { MkError } from "@mk/core";
import { describe, expect, it } from "vitest";
import { mergeConfig } from "./plugin-config.js";

describe("the plugin's configuration", () => {
  it("takes the fields it knows and ignores others, however they are called", () => {
    const json =
      '{"MachineName":"m1","CPU":4,"toString":"x","constructor":1,"__proto__":{"Memory":9},"IPv6Address":""}';
    const config = mergeConfig(undefined, json);
    expect(config).toEqual({ ...mergeConfig(undefined, "{}"), MachineName: "m1", CPU: 4 });
    expect(Object.getPrototypeOf(config)).toBe(Object.prototype);
  });

  it("keeps what a later JSON does not name or names as null", () => {
    const before = mergeConfig(undefined, '{"MachineName":"m1","Options":{"color":"red"}}');
    expect(mergeConfig(before, '{"MachineName":null,"IPAddress":"192.0.2.1"}')).toEqual({
      ...before,
      IPAddress: "192.0.2.1",
    });
  });

  it.each([
    ["", "no JSON"],
    ["null", "no JSON object"],
    ["[]", "no JSON object"],
    ['{"CPU":"2"}', "field CPU"],
    ['{"Options":[]}', "field Options"],
  ])("fails with CONFIG_CORRUPT when it is %j", (json, text) => {
    expect(() => mergeConfig(undefined, json)).toThrow(
      expect.toSatisfy((error: unknown) => MkError.is(error, "CONFIG_CORRUPT") && error.message.includes(text)),
    );
  });
});
