import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { MkError } from "@mk/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeGoString, encodeGoString } from "../src/gob/go-string.js";
import { GobDecoder, GobEncoder, type GobShape, type GobValue, gob } from "../src/index.js";
import type { VectorFile } from "./vectors/file.js";

const file = JSON.parse(await readFile(new URL("./fixtures/gob-vectors.json", import.meta.url), "utf8")) as VectorFile;
const streams = [
  ...file.vectors.flatMap((vector) => vector.variants.map((variant) => variant.messages.join(""))),
  ...file.malformed.map((input) => input.hex),
]
  .map((hex) => Buffer.from(hex, "hex"))
  .filter((stream) => stream.length > 0 && stream.length < 4096);

const numRuns = process.env.MK_SOAK === "1" ? 200_000 : 5000;

const point = gob.struct("Point", { X: gob.int, Y: gob.int });
const shapes: readonly GobShape[] = [
  gob.any,
  gob.ignored,
  gob.struct("Request", { ServiceMethod: gob.string, Seq: gob.uint }),
  point,
  gob.int,
  gob.slice(point),
  gob.map(gob.string, gob.any),
  gob.interface((name) => (name === "[]string" ? gob.slice(gob.string) : undefined)),
];

type Change = readonly [at: number, kind: "flip" | "insert" | "delete" | "splice", byte: number];

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.nat(4095),
  fc.constantFrom("flip", "insert", "delete", "splice"),
  // Bytes that mean something: widths, small ids, the ends of the ranges.
  fc.oneof(fc.nat(255), fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0x81, 0xf7, 0xf8, 0xff)),
);

function mutate(stream: Buffer, other: Buffer, changes: readonly Change[]): Buffer {
  let bytes = stream;
  for (const [position, kind, byte] of changes) {
    const at = position % (bytes.length + 1);
    const before = bytes.subarray(0, at);
    if (kind === "flip") bytes = Buffer.concat([before, Buffer.of(byte), bytes.subarray(at + 1)]);
    else if (kind === "insert") bytes = Buffer.concat([before, Buffer.of(byte), bytes.subarray(at)]);
    else if (kind === "delete") bytes = Buffer.concat([before, bytes.subarray(at + 1)]);
    else bytes = Buffer.concat([before, other, bytes.subarray(at)]);
  }
  return bytes;
}

const input = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.nat(streams.length - 1), fc.nat(streams.length - 1), fc.array(change, { minLength: 1, maxLength: 6 }))
    .map(([index, other, changes]) => mutate(streams[index]!, streams[other]!, changes)),
);

/** Reads all that is in the bytes; the number of values. */
function drain(bytes: Buffer, shape: GobShape, step: number): number {
  const decoder = new GobDecoder();
  let values = 0;
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.subarray(at, at + step));
    while (decoder.decode(shape) !== undefined) values++;
  }
  return values;
}

describe("a gob decoder", () => {
  it("ends every input with values, a wait for more or PROTOCOL_ERROR, in bounded memory", {
    timeout: 1_800_000,
  }, () => {
    const before = process.memoryUsage().rss;
    fc.assert(
      fc.property(input, fc.nat(shapes.length - 1), fc.integer({ min: 1, max: 400 }), (bytes, index, step) => {
        try {
          // Each value takes two bytes at least, so that this is also a proof of progress.
          expect(drain(bytes, shapes[index]!, step)).toBeLessThanOrEqual(bytes.length / 2);
        } catch (error) {
          if (!MkError.is(error, "PROTOCOL_ERROR")) throw error;
        }
      }),
      { numRuns },
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20);
  });

  it("looks at no type graph once more for each list that holds it", () => {
    const fields = (count: number, type: (index: number) => GobShape) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, type(index)]));
    const wide = gob.struct(
      "Wide",
      fields(200, () =>
        gob.struct(
          "Part",
          fields(900, () => gob.bool),
        ),
      ),
    );
    const group = () => {
      const lists = Array.from({ length: 900 }, () => gob.slice(wide));
      return gob.struct(
        "Group",
        fields(lists.length, (index) => lists[index]!),
      );
    };
    const top = gob.struct("Top", { a: group(), b: group(), c: group(), d: group() });
    const decoder = new GobDecoder();
    decoder.push(new GobEncoder().encode(top, {} as GobValue<typeof top>));
    expect(decoder.decode(gob.any)).toEqual({ value: {} });
    // Type 65, its four fields, all lists of theirs without elements: no Go writer sends those, but may. Walking the graph each time took minutes.
    const lists = Array.from({ length: 900 }, () => [1, 0]).flat();
    const value = [0xff, 0x82, ...[1, 2, 3, 4].flatMap(() => [1, ...lists, 0]), 0];
    decoder.push(Buffer.from([0xfe, value.length >> 8, value.length & 0xff, ...value]));
    const decoded = decoder.decode(gob.any) as { readonly value: Readonly<Record<string, object>> };
    expect(Object.values(decoded.value).map((lists) => Object.keys(lists).length)).toEqual([900, 900, 900, 900]);
  });

  it("gives the same values however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.nat(streams.length - 1), fc.integer({ min: 1, max: 50 }), (index, step) => {
        const bytes = streams[index]!;
        const outcome = (size: number) => {
          try {
            return drain(bytes, gob.any, size);
          } catch (error) {
            return String(error);
          }
        };
        // A stream that breaks off with an error may have given values before it in both cases: the errors agree.
        expect(outcome(step)).toEqual(outcome(bytes.length));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("Go strings", () => {
  it("keep every byte, UTF-8 or not", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(Buffer.from(encodeGoString(decodeGoString(bytes)))).toEqual(Buffer.from(bytes));
      }),
      { numRuns },
    );
  });

  it("are the same text on both sides where it is well formed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        expect(decodeGoString(encodeGoString(text))).toBe(text);
      }),
    );
  });
});

describe("a gob encoder", () => {
  const record = gob.struct("Record", {
    flag: gob.bool,
    count: gob.int,
    big: gob.int64,
    natural: gob.uint64,
    ratio: gob.float,
    text: gob.string,
    raw: gob.bytes,
    list: gob.slice(gob.slice(gob.int)),
    table: gob.map(gob.string, gob.float),
  });

  it("writes values that read back equal", () => {
    const values = fc.record({
      flag: fc.boolean(),
      count: fc.maxSafeInteger(),
      big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      natural: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      ratio: fc.double(),
      text: fc.string({ unit: "grapheme" }),
      raw: fc.uint8Array(),
      list: fc.array(fc.array(fc.maxSafeInteger())),
      table: fc.array(fc.tuple(fc.string(), fc.double())).map((pairs) => new Map(pairs)),
    });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 4 }), (list) => {
        const encoder = new GobEncoder();
        const decoder = new GobDecoder();
        for (const value of list) {
          decoder.push(encoder.encode(record, value));
          expect(decoder.decode(record)).toEqual({ value });
        }
      }),
    );
  });
});
