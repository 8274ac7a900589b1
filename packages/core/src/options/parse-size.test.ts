import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { formatSizeMiB, parseCount, parseSizeMiB } from "./parse-size.js";

describe("sizes", () => {
  it.each([
    ["2g", 2048],
    ["2G", 2048],
    ["2gb", 2048],
    ["2GiB", 2048],
    ["2 GiB", 2048],
    ["1.5g", 1536],
    ["0.5g", 512],
    ["4096", 4096],
    ["512m", 512],
    ["512MiB", 512],
    ["131072k", 128],
    ["64", 64],
    ["1t", 1_048_576],
    ["0128", 128],
  ])("reads %j as %d MiB", (text, mib) => {
    expect(parseSizeMiB(text, "--memory")).toBe(mib);
  });

  it.each([
    "",
    " ",
    "-1",
    "+1",
    "-1g",
    "1e9",
    "1e9g",
    "0x10",
    "NaN",
    "Infinity",
    "0",
    "0g",
    "g",
    "2x",
    "2gg",
    "2 g b",
    "1.5",
    "1.3m",
    "1k",
    "2",
    "63m",
    "512b",
    "2g\n",
    "2g;rm",
    "٣g",
    "1_000",
    "1,5g",
    "99999999t",
    "999999999999999",
    "9999999999999999999999",
    "2097152t",
  ])("refuses %j", (text) => {
    expect(() => parseSizeMiB(text, "--memory")).toThrowError(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("--memory"),
        hint: expect.any(String),
      }),
    );
  });

  test.prop([fc.string()])("are whole positive numbers or typed errors, whatever the text", (text) => {
    try {
      const mib = parseSizeMiB(text, "x");
      expect(Number.isSafeInteger(mib) && mib >= 1).toBe(true);
    } catch (error) {
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  it("are shown in the larger unit from 1 GiB on", () => {
    expect([512, 1024, 1536, 20_480].map(formatSizeMiB)).toEqual(["512 MiB", "1 GiB", "1.5 GiB", "20 GiB"]);
  });
});

describe("counts", () => {
  it("are whole numbers from 1", () => {
    expect(parseCount("4", "--cpus")).toBe(4);
    for (const bad of ["", "0", "-1", "1.5", "1e1", "0x2", "two", "4097", "99999999999"]) {
      expect(() => parseCount(bad, "--cpus")).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });
});
