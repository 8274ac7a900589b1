import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { suggest } from "./suggest.js";

describe("suggest", () => {
  it.each([
    ["qmeu", "qemu"],
    ["dcoker", "docker"],
    ["stat", "start"],
    ["memroy", "memory"],
    ["disksize", "disk-size"],
  ])("finds what %s means", (word, meant) => {
    expect(suggest(word, ["qemu", "docker", "start", "memory", "disk-size"])).toBe(meant);
  });

  it("takes the only one that begins with the word, though another is nearer", () => {
    expect(suggest("stat", ["start", "status"])).toBe("status");
    expect(suggest("sta", ["start", "status"])).toBeUndefined();
    expect(suggest("accel", ["accelerator", "cpu"])).toBe("accelerator");
  });

  it("finds nothing for a word that is near to none", () => {
    expect(suggest("foo", ["qemu", "docker", "kvm2"])).toBeUndefined();
    expect(suggest("x", [])).toBeUndefined();
  });

  test.prop([fc.array(fc.string({ minLength: 1 }), { minLength: 1 })])(
    "finds every word of the list itself",
    (words) => {
      const lower = words.map((word) => word.toLowerCase());
      for (const word of lower) expect(suggest(word, lower)).toBe(word);
    },
  );
});
