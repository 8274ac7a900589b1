import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { run } from "../../test/fixtures/program.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { compareLibraryNames, ldCache } from "./ld-cache.js";

const libraries = [
  "libc.so.6",
  "libz.so.1",
  "libcrypto.so.3",
  "libfoo.so.10",
  "libfoo.so.9",
  "libfoo.so",
  "libext2fs.so.2",
].map((soname) => ({
  soname,
  path: `/lib/x86_64-linux-gnu/${soname}`,
}));

test("numbers in names compare as numbers", () => {
  expect(["libfoo.so.10", "libfoo.so.9", "libfoo.so", "libbar.so.1"].sort(compareLibraryNames)).toEqual([
    "libbar.so.1",
    "libfoo.so",
    "libfoo.so.9",
    "libfoo.so.10",
  ]);
});

test("the order in which libraries are given does not matter", () => {
  expect(ldCache([...libraries].reverse(), "amd64").equals(ldCache(libraries, "amd64"))).toBe(true);
});

const suite = await live({ needs: ["program:ldconfig"] });

suite("with glibc as the reference", () => {
  test.each([
    ["amd64", "libc6,x86-64"],
    ["arm64", "libc6,AArch64"],
  ] as const)("ldconfig lists every library of a cache for %s", async (arch, kind) => {
    const path = join(await temporaryDirectory(), "ld.so.cache");
    await writeFile(path, ldCache(libraries, arch));
    const listing = run("ldconfig", ["-p", "-C", path]).toString();
    for (const library of libraries) expect(listing).toContain(`\t${library.soname} (${kind}) => ${library.path}\n`);
  });
});
