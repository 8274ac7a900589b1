import { Buffer } from "node:buffer";
import { decodeGoString, encodeGoString } from "../../src/gob/go-string.js";
import type { GobField, GobInterfaceValue, GobShape } from "../../src/index.js";

/** A value as the vector file writes it, of the value this codec reads and writes. */
export function toFile(shape: GobShape, value: unknown): unknown {
  if (value === undefined) return null;
  switch (shape.kind) {
    case "bool":
      return value;
    case "int":
    case "uint":
      return String(value);
    case "float":
      return floatText(value as number);
    case "complex":
      return (value as readonly number[]).map(floatText);
    case "bytes":
    case "opaque":
      return Buffer.from(value as Uint8Array).toString("hex");
    case "string":
      return stringToFile(value as string);
    case "slice":
    case "array":
      return (value as readonly unknown[]).map((element) => toFile(shape.elem, element));
    case "map":
      return [...(value as ReadonlyMap<unknown, unknown>)].map(([key, element]) => [
        toFile(shape.key, key),
        toFile(shape.elem, element),
      ]);
    case "struct":
      return mapFields(shape.fields(), value, toFile);
    case "interface": {
      const held = value as GobInterfaceValue;
      return { type: held.name, value: toFile(shape.registry(held.name)!, held.value) };
    }
    default:
      throw new TypeError(`the vector file has no values of kind ${shape.kind}`);
  }
}

/** The inverse of {@link toFile}. */
export function fromFile(shape: GobShape, value: unknown): unknown {
  if (value === null) return undefined;
  switch (shape.kind) {
    case "bool":
      return value;
    case "int":
    case "uint":
      return BigInt(value as string);
    case "float":
      return Number(value);
    case "complex":
      return (value as readonly string[]).map(Number);
    case "bytes":
    case "opaque":
      return Buffer.from(value as string, "hex");
    case "string":
      return typeof value === "string" ? value : decodeGoString(Buffer.from((value as { hex: string }).hex, "hex"));
    case "slice":
    case "array":
      return (value as readonly unknown[]).map((element) => fromFile(shape.elem, element));
    case "map":
      return new Map(
        (value as readonly (readonly [unknown, unknown])[]).map(([key, element]) => [
          fromFile(shape.key, key),
          fromFile(shape.elem, element),
        ]),
      );
    case "struct":
      return mapFields(shape.fields(), value, fromFile);
    case "interface": {
      const held = value as { readonly type: string; readonly value: unknown };
      return { name: held.type, value: fromFile(shape.registry(held.type)!, held.value) };
    }
    default:
      throw new TypeError(`the vector file has no values of kind ${shape.kind}`);
  }
}

function mapFields(
  fields: readonly GobField[],
  value: unknown,
  convert: (shape: GobShape, value: unknown) => unknown,
): Record<string, unknown> {
  const struct = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(fields.map(({ name, type }) => [name, convert(type, struct[name])]));
}

function stringToFile(text: string): unknown {
  const bytes = encodeGoString(text);
  const plain = Buffer.from(bytes).toString("utf8");
  return Buffer.from(plain, "utf8").equals(bytes) ? plain : { hex: Buffer.from(bytes).toString("hex") };
}

function floatText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
