import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { checkVectors } from "./vectors/check.js";
import type { VectorFile } from "./vectors/file.js";

const file = JSON.parse(await readFile(new URL("./fixtures/gob-vectors.json", import.meta.url), "utf8")) as VectorFile;

describe("gob streams made by Go 1.19 and Go 1.24", () => {
  it("decode to their values, re-encode byte for byte and end as stated when malformed", () => {
    const report = checkVectors(file);
    expect(report.failures).toEqual([]);
    expect(report).toMatchObject({ decoded: 442, malformed: 162 });
  });
});
