import { expect, test } from "vitest";
import { PackagesIndex, parseDependencies } from "./packages-index.js";
import { resolvePackages } from "./resolve.js";

interface Sample {
  readonly version?: string;
  readonly depends?: string;
  readonly preDepends?: string;
  readonly provides?: string;
}

function index(...sources: readonly Readonly<Record<string, Sample>>[]): PackagesIndex {
  return new PackagesIndex(
    sources.map((packages) =>
      Buffer.from(
        Object.entries(packages)
          .map(([name, { version = "1.0-1", depends, preDepends, provides }]) =>
            [
              `Package: ${name}`,
              `Version: ${version}`,
              "Architecture: amd64",
              ...(provides === undefined ? [] : [`Provides: ${provides}`]),
              ...(preDepends === undefined ? [] : [`Pre-Depends: ${preDepends}`]),
              ...(depends === undefined ? [] : [`Depends: ${depends}`]),
              `Filename: pool/main/${name}_${version}.deb`,
              "Size: 10",
              `SHA256: ${"ab".repeat(32)}`,
              "Description: one",
              " two",
            ].join("\n"),
          )
          .join("\n\n"),
      ),
    ),
  );
}

const names = (
  packages: PackagesIndex,
  wanted: readonly string[],
  exclude: readonly string[] = [],
): readonly string[] =>
  resolvePackages(packages, { packages: wanted, exclude: new Set(exclude) }).map(({ name }) => name);

test("reads dependencies with alternatives, versions and architectures", () => {
  expect(parseDependencies("libc6 (>= 2.38), a:any | b (<< 2), c")).toEqual([
    [{ name: "libc6", constraint: { relation: ">=", version: "2.38" } }],
    [{ name: "a" }, { name: "b", constraint: { relation: "<<", version: "2" } }],
    [{ name: "c" }],
  ]);
});

test("takes what packages depend on and pre-depend on, sorted by name", () => {
  const packages = index({ a: { depends: "b", preDepends: "c" }, b: { depends: "d" }, c: {}, d: {}, e: {} });
  expect(names(packages, ["a"])).toEqual(["a", "b", "c", "d"]);
});

test("a circle of dependencies ends", () => {
  expect(names(index({ a: { depends: "b" }, b: { depends: "a" } }), ["a"])).toEqual(["a", "b"]);
});

test("the first alternative that can be had is taken, unless another already is", () => {
  const packages = index({ a: { depends: "none | b | c" }, b: {}, c: {} });
  expect(names(packages, ["a"])).toEqual(["a", "b"]);
  expect(names(packages, ["c", "a"])).toEqual(["a", "c"]);
});

test("a virtual package is satisfied by what provides it", () => {
  const packages = index({
    a: { depends: "virtual (>= 2)" },
    old: { provides: "virtual (= 1)" },
    z: { provides: "virtual (= 2)" },
  });
  expect(names(packages, ["a"])).toEqual(["a", "z"]);
});

test("an excluded package is left out, with all that only it needs", () => {
  const packages = index({ a: { depends: "b, c | x" }, b: { depends: "d" }, c: {}, d: {}, x: {} });
  expect(names(packages, ["a"], ["b"])).toEqual(["a", "c"]);
  expect(names(packages, ["a"], ["b", "x"])).toEqual(["a"]);
});

test("the newest version of all sources is taken, and says where it is from", () => {
  const packages = index({ a: { version: "1.0-1" } }, { a: { version: "1.0-1+deb13u1" } });
  expect(packages.find("a")).toMatchObject({ version: "1.0-1+deb13u1", source: 1 });
});

test("refuses a package that depends on what is not there", () => {
  expect(() => names(index({ a: { depends: "b (>= 2)" }, b: {} }), ["a"])).toThrow(
    expect.objectContaining({ code: "INTEGRITY", message: "Debian's package index has no b, which a depends on" }),
  );
});

test("refuses a path that leads out of the archive", () => {
  const text = `Package: a\nVersion: 1\nArchitecture: all\nFilename: ../../etc/passwd\nSize: 1\nSHA256: ${"ab".repeat(32)}\n`;
  expect(() => new PackagesIndex([Buffer.from(text)]).find("a")).toThrow(
    expect.objectContaining({ code: "INTEGRITY" }),
  );
});

test("refuses what is no list of packages", () => {
  expect(() => new PackagesIndex([Buffer.from("<html>log in</html>")])).toThrow(
    expect.objectContaining({ code: "INTEGRITY" }),
  );
});
