import { malformed, SchemaMismatch } from "./errors.js";
import type { GobReader } from "./reader.js";
import type { GobField, GobInterfaceValue, GobShape } from "./schema.js";
import type { WireType } from "./wire-type.js";

/** One object, since decoders are kept by schema. */
export const IGNORED: GobShape = { kind: "ignored" };
const ANY: GobShape = { kind: "any" };

/** Reads one value at the reader's place. */
export type Decode = (reader: GobReader) => unknown;

export interface TypeSource {
  /** PROTOCOL_ERROR when the id is not defined. */
  wireType(id: number): WireType;
  /** The decoder of values of this wire type for this schema; compiled once. */
  decoder(id: number, shape: GobShape): Decode;
  /** Reads the definition of type `id` from inside an interface value. */
  define(id: number, reader: GobReader): void;
}

/**
 * Compiles the reading of values of one wire type into what the schema wants. SchemaMismatch when the two do not go together: int, uint, float, string
 * and bytes are not interchangeable in gob.
 */
export function compileDecoder(id: number, shape: GobShape, types: TypeSource): Decode {
  const wire = types.wireType(id);
  switch (wire.kind) {
    case "struct":
      return decodeStruct(wire, shape, types);
    case "slice":
    case "array":
      return decodeList(wire, shape, types);
    case "map":
      return decodeMap(wire, shape, types);
    case "interface":
      return decodeInterface(shape, types);
    case "opaque":
      if (shape.kind === "ignored") return (reader) => reader.skipText();
      if (shape.kind === "any" || shape.kind === "opaque") return (reader) => reader.bytes();
      throw mismatch(wire, shape);
    default:
      return decodeBasic(wire, shape);
  }
}

function mismatch(wire: WireType, shape: GobShape): SchemaMismatch {
  return new SchemaMismatch(`${wire.kind} was sent where ${shape.kind} is wanted`);
}

function decodeBasic(wire: WireType & { kind: GobShape["kind"] }, shape: GobShape): Decode {
  if (shape.kind === "ignored") return skipBasic(wire);
  if (shape.kind !== "any" && shape.kind !== wire.kind) throw mismatch(wire, shape);
  switch (wire.kind) {
    case "bool":
      return (reader) => reader.bool();
    case "float":
      return (reader) => reader.float();
    case "bytes":
      return (reader) => reader.bytes();
    case "string":
      return (reader) => reader.string();
    case "complex":
      return (reader) => [reader.float(), reader.float()];
    case "int":
    case "uint":
      return decodeInteger(wire.kind, shape);
    default:
      throw mismatch(wire, shape);
  }
}

function skipBasic(wire: WireType): Decode {
  if (wire.kind === "bytes" || wire.kind === "string") return (reader) => reader.skipText();
  if (wire.kind !== "complex") return (reader) => reader.skipUint();
  return (reader) => {
    reader.skipUint();
    reader.skipUint();
  };
}

function decodeInteger(kind: "int" | "uint", shape: GobShape): Decode {
  const big = kind === "int" ? (reader: GobReader) => reader.bigInt() : (reader: GobReader) => reader.bigUint();
  if (shape.kind === "any") {
    return (reader) => {
      const value = big(reader);
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    };
  }
  if (shape.kind !== "int" && shape.kind !== "uint") throw new SchemaMismatch(`${kind} was sent`);
  if (shape.big && shape.bits >= 64) return big;
  const small = kind === "int" ? (reader: GobReader) => reader.int() : (reader: GobReader) => reader.smallUint();
  const limit = 2 ** (kind === "int" ? shape.bits - 1 : shape.bits);
  return (reader) => {
    const value = small(reader);
    if (value === undefined || value >= limit || value < -limit) throw new SchemaMismatch(`a number is out of range`);
    return shape.big ? BigInt(value) : value;
  };
}

/** What a field that was not sent is. Pointers, maps and interfaces are nil: undefined. */
export function zeroOf(shape: GobShape): unknown {
  switch (shape.kind) {
    case "bool":
      return false;
    case "int":
    case "uint":
      return shape.big ? 0n : 0;
    case "float":
      return 0;
    case "complex":
      return [0, 0];
    case "string":
      return "";
    case "bytes":
      return new Uint8Array();
    case "slice":
      return [];
    case "array":
      return Array.from({ length: shape.length }, () => zeroOf(shape.elem));
    case "map":
    case "struct":
    case "opaque":
    case "interface":
    case "any":
    case "ignored":
      return undefined;
    default:
      return shape satisfies never;
  }
}

function decodeStruct(wire: WireType & { kind: "struct" }, shape: GobShape, types: TypeSource): Decode {
  const untyped = shape.kind === "any" || shape.kind === "ignored";
  if (!untyped && shape.kind !== "struct") throw mismatch(wire, shape);
  const wanted: readonly GobField[] = shape.kind === "struct" ? shape.fields() : [];
  const byName = new Map(wanted.map((field) => [field.name, field.type]));
  const target = (name: string): GobShape => (shape.kind === "any" ? shape : (byName.get(name) ?? IGNORED));
  if (wanted.length > 0 && wire.fields.length > 0 && !wire.fields.some((field) => byName.has(field.name))) {
    throw new SchemaMismatch(`type ${wire.name} has no field of ${shape.kind === "struct" ? shape.name : "it"}`);
  }
  // What is typed is compiled now, so that a mismatch shows before anything is read; what is not, when it is met.
  const fields = wire.fields.map(({ name, id }) => ({
    key: shape.kind === "any" || byName.has(name) ? name : undefined,
    decode: byName.has(name) ? types.decoder(id, target(name)) : lazily(() => types.decoder(id, target(name))),
  }));
  const start = initial(wanted);
  return (reader) => {
    reader.enter();
    const value = shape.kind === "ignored" ? undefined : start();
    let index = -1;
    for (;;) {
      // The end of a message ends the outermost struct too.
      if (reader.left === 0 && reader.isOutermost) break;
      const delta = reader.uint();
      if (delta === 0) break;
      index += delta;
      const field = fields[index];
      if (field === undefined) throw malformed(`field ${index} of ${fields.length}`);
      const content = field.decode(reader);
      if (value !== undefined && field.key !== undefined) value[field.key] = content;
    }
    reader.leave();
    return value;
  };
}

// Objects without a prototype only for fields whose names the writer chose: `__proto__` is a name like any other.
function initial(wanted: readonly GobField[]): () => Record<string, unknown> {
  if (wanted.length === 0) return () => Object.create(null) as Record<string, unknown>;
  return () => {
    const value: Record<string, unknown> = {};
    for (const { name, type } of wanted) value[name] = zeroOf(type);
    return value;
  };
}

function lazily(compile: () => Decode): Decode {
  let compiled: Decode | undefined;
  return (reader) => {
    compiled ??= compile();
    return compiled(reader);
  };
}

function elementDecoder(id: number, shape: GobShape, types: TypeSource): Decode {
  if (shape.kind === "any" || shape.kind === "ignored") return lazily(() => types.decoder(id, shape));
  return types.decoder(id, shape);
}

function decodeList(wire: WireType & { kind: "slice" | "array" }, shape: GobShape, types: TypeSource): Decode {
  const untyped = shape.kind === "any" || shape.kind === "ignored";
  if (!untyped && shape.kind !== wire.kind) throw mismatch(wire, shape);
  if (wire.kind === "array" && shape.kind === "array" && wire.length !== shape.length) {
    throw new SchemaMismatch(`an array of ${wire.length} was sent where ${shape.length} are wanted`);
  }
  const inner = shape.kind === "slice" || shape.kind === "array" ? shape.elem : shape;
  const decode = elementDecoder(wire.elem, inner, types);
  const kept = shape.kind !== "ignored";
  return (reader) => {
    const count = reader.count();
    if (wire.kind === "array" && count !== wire.length)
      throw malformed(`${count} elements in an array of ${wire.length}`);
    reader.enter();
    const list: unknown[] = [];
    for (let i = 0; i < count; i++) {
      const element = decode(reader);
      if (kept) list.push(element);
    }
    reader.leave();
    return kept ? list : undefined;
  };
}

function decodeMap(wire: WireType & { kind: "map" }, shape: GobShape, types: TypeSource): Decode {
  const untyped = shape.kind === "any" || shape.kind === "ignored";
  if (!untyped && shape.kind !== "map") throw mismatch(wire, shape);
  const decodeKey = elementDecoder(wire.key, shape.kind === "map" ? shape.key : shape, types);
  const decodeElem = elementDecoder(wire.elem, shape.kind === "map" ? shape.elem : shape, types);
  const kept = shape.kind !== "ignored";
  return (reader) => {
    const count = reader.count();
    reader.enter();
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < count; i++) {
      const key = decodeKey(reader);
      const element = decodeElem(reader);
      if (kept) map.set(key, element);
    }
    reader.leave();
    return kept ? map : undefined;
  };
}

/**
 * An interface's inner counts cover only what stands before the next definition, so ends are found by decoding alone, as Go's own decoder does:
 * definitions may come before the value, each of which may use up the message.
 */
function decodeInterface(shape: GobShape, types: TypeSource): Decode {
  if (shape.kind !== "interface" && shape.kind !== "any" && shape.kind !== "ignored") {
    throw new SchemaMismatch(`an interface was sent where ${shape.kind} is wanted`);
  }
  return (reader): GobInterfaceValue | undefined => {
    const name = reader.typeName();
    if (name === "") return undefined;
    reader.enter();
    const id = readConcreteId(reader, types);
    reader.skipUint();
    const target = shape.kind === "interface" ? (shape.registry(name) ?? ANY) : shape;
    const isStruct = types.wireType(id).kind === "struct";
    if (!isStruct && reader.byte() !== 0) throw malformed("no zero byte before a value");
    const value = types.decoder(id, target)(reader);
    reader.leave();
    return shape.kind === "ignored" ? undefined : { name, value };
  };
}

function readConcreteId(reader: GobReader, types: TypeSource): number {
  for (;;) {
    if (reader.left === 0) reader.continueInNextMessage();
    const id = reader.typeId();
    if (id >= 0) return id;
    types.define(-id, reader);
    if (reader.left > 0) reader.skipUint();
  }
}
