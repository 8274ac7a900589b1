import { fc, test } from "@fast-check/vitest";
import { coerce, gtr, lt, ltr, satisfies } from "semver";
import { describe, expect, it } from "vitest";
import { coreFit } from "./core-range.js";
import { acceptsPlatform, unsupportedPlatform } from "./platform.js";

describe("os and cpu of a manifest", () => {
  it.each([
    [undefined, "linux", true],
    [[], "linux", true],
    [["any"], "linux", true],
    [["linux", "darwin"], "linux", true],
    [["darwin"], "linux", false],
    [["!win32"], "linux", true],
    [["!win32"], "win32", false],
    [["!win32", "linux"], "darwin", false],
    [["linux", "!linux"], "linux", false],
  ])("%j on %s is %s", (list, platform, accepted) => {
    expect(acceptsPlatform(list, platform)).toBe(accepted);
  });

  it("say what is needed and what there is", () => {
    const here = { platform: "linux", arch: "x64" };
    expect(unsupportedPlatform({ os: ["darwin"] }, here)).toBe("needs darwin, this is linux");
    expect(unsupportedPlatform({ os: ["darwin", "win32"] }, here)).toBe("needs darwin or win32, this is linux");
    expect(unsupportedPlatform({ os: ["!linux"] }, here)).toBe("does not run on linux, this is linux");
    expect(unsupportedPlatform({ cpu: ["arm64"] }, here)).toBe("needs arm64, this is x64");
    expect(unsupportedPlatform({ os: ["linux"], cpu: ["x64"] }, here)).toBeUndefined();
  });
});

describe("the range of @mk/core", () => {
  it.each([
    ["^1.2.0", "1.4.0", "fits"],
    ["^1.2.0", "1.1.9", "older"],
    ["^1.2.0", "2.0.0", "newer"],
    ["^0.1.0", "0.2.0", "newer"],
    [">=0.1.0 <1.0.0", "0.2.0", "fits"],
    [">=0.3 <1", "0.2.0", "older"],
    [">=0.1 <1", "1.0.0", "newer"],
    [">=1 <3", "2.5.0", "fits"],
    ["^1.0.0 || ^2.0.0", "2.1.0", "fits"],
    ["^1.0.0 || ^2.0.0", "3.0.0", "newer"],
    ["1.x", "0.9.0", "older"],
    ["^1.0.0", "1.1.0-next.1", "fits"],
    ["*", "9.9.9", "fits"],
    ["workspace:^", "0.1.0", "fits"],
    ["not a range", "1.0.0", "invalid"],
  ])("%s: core %s is what it says: %s", (range, version, fit) => {
    expect(coreFit(range, version)).toBe(fit);
  });

  const part = fc.nat({ max: 3 });
  const version = fc.tuple(part, part, part).map((parts) => parts.join("."));
  const partial = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("."));
  const range = fc.oneof(
    version.map((low) => `^${low}`),
    fc
      .tuple(partial, partial)
      .filter(([low, high]) => lt(coerce(low) ?? "", coerce(high) ?? ""))
      .map(([low, high]) => `>=${low} <${high}`),
  );
  test.prop([range, version])("is read as semver reads it", (range, own) => {
    const fit = coreFit(range, own);
    expect(fit === "fits").toBe(satisfies(own, range));
    if (ltr(own, range)) expect(fit).toBe("older");
    else if (gtr(own, range)) expect(fit).toBe("newer");
  });
});
