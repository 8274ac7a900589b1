import { fc, test } from "@fast-check/vitest";
import { satisfies } from "semver";
import { describe, expect, it } from "vitest";
import { acceptsCore } from "./core-range.js";
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

describe("the peer range of @mk/core", () => {
  it.each([
    ["^1.2.0", "1.4.0", true],
    ["^1.2.0", "1.1.9", false],
    ["^1.2.0", "2.0.0", false],
    ["^0.1.0", "0.2.0", false],
    [">=1 <3", "2.5.0", true],
    ["^1.0.0 || ^2.0.0", "2.1.0", true],
    ["^1.0.0", "1.1.0-next.1", true],
    ["*", "9.9.9", true],
    ["workspace:^", "0.1.0", true],
    ["not a range", "1.0.0", "invalid"],
  ])("%s with core %s is %s", (range, version, accepted) => {
    expect(acceptsCore(range, version)).toBe(accepted);
  });

  const part = fc.nat({ max: 3 });
  const version = fc.tuple(part, part, part).map((parts) => parts.join("."));
  test.prop([version, version])("is read as semver reads it where it is a caret", (low, own) => {
    expect(acceptsCore(`^${low}`, own)).toBe(satisfies(own, `^${low}`));
  });
});
