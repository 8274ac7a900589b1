import { live } from "@mk/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { succeeds } from "../../test/fixtures/program.js";
import { compareVersions, satisfiesVersion } from "./version.js";

test.each([
  ["1.0", "1.0", 0],
  ["1.0~rc1", "1.0", -1],
  ["1.0-1", "1.0-1+deb13u1", -1],
  ["1.10", "1.9", 1],
  ["2:0.1", "1:9.9", 1],
  ["1.0", "1.0-0", 0],
  ["1.0a", "1.0+", -1],
  ["6.12.94-1", "6.12.107-1", -1],
  ["1.24~ds1-6+deb13u1", "1.24~ds1-6", 1],
])("%s against %s is %i", (a, b, expected) => {
  expect(Math.sign(compareVersions(a, b))).toBe(expected);
  expect(Math.sign(compareVersions(b, a))).toBe(expected === 0 ? 0 : -expected);
});

test.each([
  ["<<", false],
  ["<=", true],
  ["=", true],
  [">=", true],
  [">>", false],
] as const)("a version satisfies %s itself: %s", (relation, expected) => {
  expect(satisfiesVersion("1:2.3-4", relation, "1:2.3-4")).toBe(expected);
});

const suite = await live({ needs: ["program:dpkg"] });

suite("with dpkg as the reference", () => {
  test("any two versions compare as dpkg compares them", () => {
    const part = fc.stringMatching(/^[0-9][0-9a-zA-Z.+~]{0,6}$/);
    const version = fc
      .tuple(fc.constantFrom("", "0:", "1:"), part, fc.constantFrom("", "-1", "-0ubuntu1", "-1~bpo1", "-1+b2"))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const relation = Math.sign(compareVersions(a, b));
        const word = relation < 0 ? "lt" : relation > 0 ? "gt" : "eq";
        return succeeds("dpkg", ["--compare-versions", a, word, b]);
      }),
      { numRuns: 60 },
    );
  });
});
