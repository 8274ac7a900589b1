import { type GobShape, gob } from "../../src/index.js";
import type { TypeReference, VectorSchema, VectorType } from "./file.js";

const BASIC: Readonly<Record<string, GobShape>> = {
  bool: gob.bool,
  int: gob.int64,
  uint: gob.uint64,
  float: gob.float,
  bytes: gob.bytes,
  string: gob.string,
  complex: gob.complex,
};

const OPAQUE = {
  gobencoder: "GobEncoder",
  binarymarshaler: "BinaryMarshaler",
  textmarshaler: "TextMarshaler",
} as const;

/** Makes schemas of a vector's types. `widths` narrows fields of the outermost struct: the file's `int` says nothing of int8. */
export function schemaResolver(
  schema: VectorSchema,
  widths: ReadonlyMap<string, number> = new Map(),
): (reference: TypeReference) => GobShape {
  const made = new Map<string, GobShape>();
  const registered = (name: string): GobShape | undefined => {
    const reference = schema.registered[name];
    return reference === undefined ? undefined : resolve(reference);
  };
  const anInterface = gob.interface(registered);
  const resolve = (reference: TypeReference): GobShape => {
    if (reference === "interface") return anInterface;
    const known = BASIC[reference] ?? made.get(reference);
    if (known !== undefined) return known;
    const type = schema.types[reference];
    if (type === undefined) throw new TypeError(`the vector file has no type ${reference}`);
    // A recursive type needs an object to refer to before its parts are known.
    const shape = {} as GobShape;
    made.set(reference, shape);
    return Object.assign(shape, make(type));
  };
  const make = (type: VectorType): GobShape => {
    switch (type.kind) {
      case "struct": {
        const fields = type.fields.map(([name, reference]) => ({ name, type: narrowed(name, resolve(reference)) }));
        return { kind: "struct", name: type.name, fields: () => fields };
      }
      case "slice":
        return { kind: "slice", name: type.name, elem: resolve(type.elem) };
      case "array":
        return { kind: "array", name: type.name, elem: resolve(type.elem), length: type.len };
      case "map":
        return { kind: "map", name: type.name, key: resolve(type.key), elem: resolve(type.elem) };
      case "gobencoder":
      case "binarymarshaler":
      case "textmarshaler":
        return { kind: "opaque", name: type.name, by: OPAQUE[type.kind] };
      default:
        return type satisfies never;
    }
  };
  const narrowed = (name: string, shape: GobShape): GobShape => {
    const bits = widths.get(name);
    return bits !== undefined && (shape.kind === "int" || shape.kind === "uint") ? { ...shape, bits } : shape;
  };
  return resolve;
}

/** Bit widths that a Go type such as `*struct { X int8; Y int }` gives its fields. */
export function fieldWidths(goType: string): ReadonlyMap<string, number> {
  return new Map([...goType.matchAll(/(\w+) u?int(8|16|32)\b/g)].map((match) => [match[1]!, Number(match[2])]));
}
