import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { XdrReader, XdrWriter } from "./xdr.js";

describe("XDR", () => {
  test.prop([
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.string({ unit: "binary" }),
    fc.option(fc.string()),
  ])("reads back what it wrote, in units of four bytes", (int, uint, uhyper, text, optional) => {
    const bytes = new XdrWriter()
      .int(int)
      .uint(uint)
      .uhyper(uhyper)
      .string(text)
      .optional(optional ?? undefined, (writer, value) => writer.string(value))
      .toBuffer();
    expect(bytes.length % 4).toBe(0);
    const reader = new XdrReader(bytes);
    expect([
      reader.int(),
      reader.uint(),
      reader.uhyper(),
      reader.string(),
      reader.optional((r) => r.string()) ?? null,
    ]).toEqual([int, uint, uhyper, text, optional]);
    expect(reader.remaining).toBe(0);
  });

  test.prop([fc.uint8Array({ maxLength: 64 })])(
    "refuses or reads any bytes, and never allocates beyond them",
    (bytes) => {
      const reader = new XdrReader(bytes);
      try {
        expect(reader.array((r) => r.string()).length).toBeLessThanOrEqual(bytes.length / 4);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    },
  );
});
