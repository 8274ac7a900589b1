import type { GobInterfaceValue, GobShape } from "./schema.js";
import type { GobWriter } from "./writer.js";

/** Writes one value, zero or not. */
export type Encode = (writer: GobWriter, value: unknown) => void;

export interface TypeSink {
  encoder(shape: GobShape): Encode;
  /** Writes what follows the type name of an interface value: definitions where they are due, the id, a count and the value. */
  writeConcrete(writer: GobWriter, shape: GobShape, value: unknown): void;
}

/**
 * Compiles the writing of values of one schema. TypeError for values that are not of the schema's type: they come from code, not from
 * peers.
 */
export function compileEncoder(shape: GobShape, types: TypeSink): Encode {
  switch (shape.kind) {
    case "bool":
      return (writer, value) => writer.byte(value === true ? 1 : 0);
    case "int":
      return (writer, value) =>
        typeof value === "bigint" ? writer.bigInt(inRange(value, shape)) : writer.int(integer(value));
    case "uint":
      return (writer, value) =>
        typeof value === "bigint" ? writer.bigUint(inRange(value, shape)) : writer.uint(natural(value));
    case "float":
      return (writer, value) => writer.float(value as number);
    case "complex":
      return (writer, value) => {
        const [re, im] = value as readonly [number, number];
        writer.float(re);
        writer.float(im);
      };
    case "string":
      return (writer, value) => writer.string(value as string);
    case "bytes":
    case "opaque":
      return (writer, value) => writer.bytes(value as Uint8Array);
    case "array":
    case "slice":
      return encodeList(shape, types);
    case "map":
      return encodeMap(shape, types);
    case "struct":
      return encodeStruct(shape, types);
    case "interface":
      return encodeInterface(shape, types);
    case "any":
    case "ignored":
      throw new TypeError(`gob: a value cannot be written as "${shape.kind}"`);
    default:
      return shape satisfies never;
  }
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new TypeError(`gob: ${String(value)} is no safe integer`);
  return value as number;
}

function natural(value: unknown): number {
  if (integer(value) < 0) throw new TypeError(`gob: ${String(value)} is negative`);
  return value as number;
}

function inRange(value: bigint, shape: { readonly kind: "int" | "uint" }): bigint {
  const fits = shape.kind === "int" ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  if (fits !== value) throw new TypeError(`gob: ${value} does not fit in 64 bits`);
  return value;
}

function encodeList(shape: GobShape & { kind: "slice" | "array" }, types: TypeSink): Encode {
  const encode = types.encoder(shape.elem);
  return (writer, value) => {
    const list = value as readonly unknown[];
    if (shape.kind === "array" && list.length !== shape.length) {
      throw new TypeError(`gob: ${list.length} elements for an array of ${shape.length}`);
    }
    writer.uint(list.length);
    for (const element of list) encode(writer, element);
  };
}

function encodeMap(shape: GobShape & { kind: "map" }, types: TypeSink): Encode {
  const encodeKey = types.encoder(shape.key);
  const encodeElem = types.encoder(shape.elem);
  return (writer, value) => {
    const map = value as ReadonlyMap<unknown, unknown>;
    writer.uint(map.size);
    for (const [key, element] of map) {
      encodeKey(writer, key);
      encodeElem(writer, element);
    }
  };
}

function encodeStruct(shape: GobShape & { kind: "struct" }, types: TypeSink): Encode {
  let fields: readonly {
    readonly name: string;
    readonly isZero: (value: unknown) => boolean;
    readonly encode: Encode;
  }[];
  return (writer, value) => {
    fields ??= shape.fields().map(({ name, type }) => ({ name, isZero: zeroTest(type), encode: types.encoder(type) }));
    const struct = value as Readonly<Record<string, unknown>>;
    let last = -1;
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]!;
      const content = struct[field.name];
      if (content === undefined || field.isZero(content)) continue;
      writer.uint(index - last);
      last = index;
      field.encode(writer, content);
    }
    writer.byte(0);
  };
}

/** Whether a struct's field is left out. Arrays, structs and maps that exist never are. */
function zeroTest(shape: GobShape): (value: unknown) => boolean {
  switch (shape.kind) {
    case "bool":
      return (value) => value !== true;
    case "int":
    case "uint":
      return (value) => value === 0 || value === 0n;
    case "float":
      // The sign of -0 is a bit like any other.
      return (value) => Object.is(value, 0);
    case "complex":
      return (value) => (value as readonly number[]).every((part) => Object.is(part, 0));
    case "string":
      return (value) => value === "";
    case "bytes":
    case "slice":
      return (value) => (value as { readonly length: number }).length === 0;
    case "array":
    case "map":
    case "struct":
    case "opaque":
    case "interface":
    case "any":
    case "ignored":
      return () => false;
    default:
      return shape satisfies never;
  }
}

function encodeInterface(shape: GobShape & { kind: "interface" }, types: TypeSink): Encode {
  return (writer, value) => {
    if (value === undefined) {
      writer.byte(0);
      return;
    }
    const { name, value: content } = value as GobInterfaceValue;
    const concrete = shape.registry(name);
    if (concrete === undefined) throw new TypeError(`gob: no type is registered as ${JSON.stringify(name)}`);
    writer.string(name);
    types.writeConcrete(writer, concrete, content);
  };
}
