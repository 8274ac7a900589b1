import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import { MkError } from "@mk/core";
import { GobDecoder, GobEncoder, type GobShape } from "../../src/index.js";
import { destination } from "./destination.js";
import type { MalformedInput, Vector, VectorFile, VectorVariant } from "./file.js";
import { fieldWidths, schemaResolver } from "./schema.js";
import { fromFile, toFile } from "./value.js";

export interface VectorReport {
  readonly decoded: number;
  readonly reencoded: number;
  /** Streams whose definitions were moved ahead of the values, as a writer of ours sends them, and read back equal. */
  readonly rewritten: number;
  readonly converted: number;
  readonly malformed: number;
  readonly failures: readonly string[];
}

/** Checks the codec against every vector of a file. */
export function checkVectors(file: VectorFile): VectorReport {
  const counts = { decoded: 0, reencoded: 0, rewritten: 0, converted: 0, malformed: 0 };
  const failures: string[] = [];
  const count = (key: keyof typeof counts, id: string, problem: string | undefined) => {
    if (problem === undefined) counts[key]++;
    else failures.push(`${id}: ${problem}`);
  };
  for (const vector of file.vectors) {
    for (const variant of vector.variants) {
      const id = `${vector.id} (${variant.go})`;
      count(
        "decoded",
        id,
        problemOf(() => decodeVariant(vector, variant)),
      );
      if (variant.encodeExact)
        count(
          "reencoded",
          id,
          problemOf(() => reencodeVariant(vector, variant)),
        );
      count(
        "rewritten",
        id,
        problemOf(() => rewriteVariant(vector, variant)),
      );
      if (vector.decodeAs !== undefined)
        count(
          "converted",
          id,
          problemOf(() => convertVariant(vector, variant)),
        );
    }
  }
  for (const input of file.malformed)
    count(
      "malformed",
      input.id,
      problemOf(() => checkMalformed(input)),
    );
  return { ...counts, failures };
}

function problemOf(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    return String(error);
  }
}

function same(shape: GobShape, value: unknown, expected: unknown): string | undefined {
  const got = normal(shape, toFile(shape, value));
  return isDeepStrictEqual(got, normal(shape, expected)) ? undefined : `got ${JSON.stringify(got)}`;
}

// Decimal forms of floats differ between languages (1e+300), their values do not.
function normal(shape: GobShape, value: unknown): unknown {
  return toFile(shape, fromFile(shape, value));
}

/** Takes values out of a stream, fed whole or one byte at a time. */
function decodeAll(bytes: Uint8Array, shapes: readonly GobShape[], step: number): readonly unknown[] {
  const decoder = new GobDecoder();
  const values: unknown[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.subarray(at, at + step));
    while (values.length < shapes.length) {
      const decoded = decoder.decode(shapes[values.length]!);
      if (decoded === undefined) break;
      if ("refused" in decoded) throw new TypeError(`refused: ${decoded.refused}`);
      values.push(decoded.value);
    }
  }
  if (values.length < shapes.length) throw new TypeError(`only ${values.length} of ${shapes.length} values`);
  return values;
}

function decodeVariant(vector: Vector, variant: VectorVariant): string | undefined {
  const resolve = schemaResolver(vector.schema);
  const shapes = vector.messages.map((message) => resolve(message.type));
  const stream = Buffer.from(variant.messages.join(""), "hex");
  for (const step of [stream.length, 1]) {
    for (const [index, value] of decodeAll(stream, shapes, step).entries()) {
      const problem = same(shapes[index]!, value, vector.messages[index]!.value);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function reencodeVariant(vector: Vector, variant: VectorVariant): string | undefined {
  const resolve = schemaResolver(vector.schema);
  const encoder = new GobEncoder({ firstTypeId: variant.firstTypeId, definitions: "inline" });
  for (const [index, message] of vector.messages.entries()) {
    const shape = resolve(message.type);
    const hex = Buffer.from(encoder.encode(shape, fromFile(shape, message.value))).toString("hex");
    if (hex !== variant.messages[index]) return `message ${index} became ${hex}, not ${variant.messages[index]}`;
  }
  return undefined;
}

function rewriteVariant(vector: Vector, variant: VectorVariant): string | undefined {
  const resolve = schemaResolver(vector.schema);
  const encoder = new GobEncoder({ firstTypeId: variant.firstTypeId });
  const shapes = vector.messages.map((message) => resolve(message.type));
  const stream = Buffer.concat(
    vector.messages.map((message, index) => encoder.encode(shapes[index]!, fromFile(shapes[index]!, message.value))),
  );
  for (const [index, value] of decodeAll(stream, shapes, stream.length).entries()) {
    const problem = same(shapes[index]!, value, vector.messages[index]!.value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The last message of the stream, read into another type. */
function convertVariant(vector: Vector, variant: VectorVariant): string | undefined {
  const target = vector.decodeAs!;
  const own = schemaResolver(vector.schema);
  const shape = schemaResolver(target.schema, fieldWidths(target.goType))(target.type);
  const decoder = new GobDecoder();
  decoder.push(Buffer.from(variant.messages.join(""), "hex"));
  for (const message of vector.messages.slice(0, -1)) decoder.decode(own(message.type));
  const decoded = decoder.decode(shape);
  if (decoded === undefined) return "the stream ended too early";
  if ("refused" in decoded) return target.error === undefined ? `refused: ${decoded.refused}` : undefined;
  return target.error === undefined ? same(shape, decoded.value, target.value) : "was accepted";
}

function checkMalformed(input: MalformedInput): string | undefined {
  const outcome = decodeOnce(input);
  return input.expect === "either" || outcome === input.expect ? undefined : `ended as "${outcome}"`;
}

function decodeOnce(input: MalformedInput): "ok" | "reject" {
  const decoder = new GobDecoder();
  decoder.push(malformedBytes(input));
  try {
    const decoded = decoder.decode(destination(input.into));
    // Waiting for more at the end of the input is a refusal too.
    return decoded === undefined || "refused" in decoded ? "reject" : "ok";
  } catch (error) {
    if (MkError.is(error, "PROTOCOL_ERROR")) return "reject";
    throw error;
  }
}

// Inputs too big to be written out are described.
function malformedBytes(input: MalformedInput): Uint8Array {
  const chain = /^(\d+) chained slice types/.exec(input.generate ?? "");
  return chain === null ? Buffer.from(input.hex, "hex") : sliceTypeChain(Number(chain[1]));
}

/** Types 65..65+n-1, each a slice of the next, the last of int; then an empty value of the first. */
function sliceTypeChain(length: number): Uint8Array {
  let shape: GobShape = { kind: "slice", name: "", elem: { kind: "int", bits: 64, big: true } };
  const inner: GobShape[] = [shape];
  for (let i = 1; i < length; i++) {
    shape = { kind: "slice", name: "", elem: shape };
    inner.push(shape);
  }
  const encoder = new GobEncoder();
  // From the inside, so that the encoder need not recurse.
  return Buffer.concat(
    inner.map((part) => encoder.encode(part, [])).map((bytes, i) => (i === length - 1 ? bytes : definitionOf(bytes))),
  );
}

// Drops the value message behind a definition.
function definitionOf(bytes: Uint8Array): Uint8Array {
  const length = bytes[0]!;
  return bytes.subarray(0, 1 + length);
}
