import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { deriveMacAddress, normalizeMacAddress } from "./mac-address.js";

describe("deriveMacAddress", () => {
  test("gives a machine the same address for ever", () => {
    expect(deriveMacAddress("6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21")).toBe(
      deriveMacAddress("6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21"),
    );
  });

  test.prop([fc.uuid(), fc.nat(7)])("is locally administered, unicast and in normal form", (id, index) => {
    const address = deriveMacAddress(id, index);
    expect(normalizeMacAddress(address)).toBe(address);
    expect(Number.parseInt(address.slice(0, 2), 16) & 0b11).toBe(0b10);
  });

  test("differs between machines, and between the cards of one", () => {
    const addresses = Array.from({ length: 1000 }, (_, index) => deriveMacAddress(`machine-${index}`, index % 2));
    expect(new Set(addresses).size).toBe(1000);
    expect(deriveMacAddress("a", 1)).not.toBe(deriveMacAddress("a", 0));
  });
});

describe("normalizeMacAddress", () => {
  test.each([
    ["52:54:0:a:b:c", "52:54:00:0a:0b:0c"],
    ["52-54-00-0A-0B-0C", "52:54:00:0a:0b:0c"],
    [" 0:0:0:0:0:1 ", "00:00:00:00:00:01"],
  ])("reads %j", (text, normal) => {
    expect(normalizeMacAddress(text)).toBe(normal);
  });

  test.each(["", "52:54:00:0a:0b", "52:54:00:0a:0b:0c:0d", "52:54:00:0a:0b:0g", "525400:0a:0b:0c", "::::::"])(
    "refuses %j",
    (text) => {
      expect(normalizeMacAddress(text)).toBeUndefined();
    },
  );
});
