import { malformed } from "./errors.js";
import type { GobLimits } from "./limits.js";
import { type GobShape, type GobValue, gob, type OpaqueEncoding } from "./schema.js";

/** Ids that every stream knows; 9..15 are reserved. 16..24 describe types themselves and never occur as data. */
export const BASIC_TYPE = {
  bool: 1,
  int: 2,
  uint: 3,
  float: 4,
  bytes: 5,
  string: 6,
  complex: 7,
  interface: 8,
} as const;

/** Go 1.19 gives its first own type 65, Go 1.24 gives it 64. */
export const LOWEST_TYPE_ID = 64;

const commonType = gob.struct("CommonType", { Name: gob.string, Id: gob.int });
const fieldType = gob.struct("fieldType", { Name: gob.string, Id: gob.int });
const opaqueType = gob.struct("gobEncoderType", { CommonType: commonType });

/** What defines a type in a stream: Go's `wireType`, of which one field is set. */
export const wireTypeSchema = gob.struct("wireType", {
  ArrayT: gob.struct("arrayType", { CommonType: commonType, Elem: gob.int, Len: gob.int }),
  SliceT: gob.struct("sliceType", { CommonType: commonType, Elem: gob.int }),
  StructT: gob.struct("structType", { CommonType: commonType, Field: gob.slice(fieldType) }),
  MapT: gob.struct("mapType", { CommonType: commonType, Key: gob.int, Elem: gob.int }),
  GobEncoderT: opaqueType,
  BinaryMarshalerT: opaqueType,
  TextMarshalerT: opaqueType,
});

export type WireTypeRecord = GobValue<typeof wireTypeSchema>;

/** A type as the writer defined it. Elements and fields are ids, which may be defined later. */
export type WireType =
  | { readonly kind: keyof typeof BASIC_TYPE }
  | { readonly kind: "array"; readonly elem: number; readonly length: number }
  | { readonly kind: "slice"; readonly elem: number }
  | { readonly kind: "map"; readonly key: number; readonly elem: number }
  | {
      readonly kind: "struct";
      readonly name: string;
      readonly fields: readonly { readonly name: string; readonly id: number }[];
    }
  | { readonly kind: "opaque"; readonly by: OpaqueEncoding };

export const BASIC_WIRE_TYPES: ReadonlyMap<number, WireType> = new Map(
  Object.entries(BASIC_TYPE).map(([kind, id]) => [id, { kind: kind as keyof typeof BASIC_TYPE }]),
);

/** Checks a definition. PROTOCOL_ERROR for one that no Go writer makes. */
export function parseWireType(record: WireTypeRecord, limits: GobLimits): WireType {
  const set = Object.values(record).filter((alternative) => alternative !== undefined);
  if (set.length !== 1) throw malformed(`a type definition with ${set.length} alternatives`);
  if (record.ArrayT !== undefined) {
    if (record.ArrayT.Len < 0) throw malformed("an array type of negative length");
    return { kind: "array", elem: record.ArrayT.Elem, length: record.ArrayT.Len };
  }
  if (record.SliceT !== undefined) return { kind: "slice", elem: record.SliceT.Elem };
  if (record.MapT !== undefined) return { kind: "map", key: record.MapT.Key, elem: record.MapT.Elem };
  if (record.StructT !== undefined) return parseStruct(record.StructT, limits);
  const by = record.GobEncoderT ? "GobEncoder" : record.BinaryMarshalerT ? "BinaryMarshaler" : "TextMarshaler";
  return { kind: "opaque", by };
}

function parseStruct(record: NonNullable<WireTypeRecord["StructT"]>, limits: GobLimits): WireType {
  if (record.Field.length > limits.fieldsPerStruct) throw malformed(`a struct of ${record.Field.length} fields`);
  const fields = record.Field.map((field) => ({ name: field.Name, id: field.Id }));
  const names = new Set(fields.map((field) => field.name));
  if (names.has("")) throw malformed("a field without a name");
  if (names.size !== fields.length) throw malformed("two fields of one name");
  return { kind: "struct", name: record.CommonType?.Name ?? "", fields };
}

/** The id of a schema whose type every stream knows, else undefined. */
export function basicTypeId(shape: GobShape): number | undefined {
  switch (shape.kind) {
    case "bool":
    case "int":
    case "uint":
    case "float":
    case "bytes":
    case "string":
    case "complex":
    case "interface":
      return BASIC_TYPE[shape.kind];
    case "array":
    case "slice":
    case "map":
    case "struct":
    case "opaque":
      return undefined;
    case "any":
    case "ignored":
      throw new TypeError(`gob: a value cannot be written as "${shape.kind}"`);
    default:
      return shape satisfies never;
  }
}

/** Where the reader finds the definition's own types: they are known before any definition came. */
export const META_TYPE_ID = { wireType: 16 } as const;

export const META_WIRE_TYPES: ReadonlyMap<number, WireType> = new Map<number, WireType>([
  [
    16,
    structOf("wireType", {
      ArrayT: 17,
      SliceT: 19,
      StructT: 20,
      MapT: 23,
      GobEncoderT: 24,
      BinaryMarshalerT: 24,
      TextMarshalerT: 24,
    }),
  ],
  [17, structOf("arrayType", { CommonType: 18, Elem: BASIC_TYPE.int, Len: BASIC_TYPE.int })],
  [18, structOf("CommonType", { Name: BASIC_TYPE.string, Id: BASIC_TYPE.int })],
  [19, structOf("sliceType", { CommonType: 18, Elem: BASIC_TYPE.int })],
  [20, structOf("structType", { CommonType: 18, Field: 22 })],
  [21, structOf("fieldType", { Name: BASIC_TYPE.string, Id: BASIC_TYPE.int })],
  [22, { kind: "slice", elem: 21 }],
  [23, structOf("mapType", { CommonType: 18, Key: BASIC_TYPE.int, Elem: BASIC_TYPE.int })],
  [24, structOf("gobEncoderType", { CommonType: 18 })],
]);

function structOf(name: string, fields: Readonly<Record<string, number>>): WireType {
  return { kind: "struct", name, fields: Object.entries(fields).map(([field, id]) => ({ name: field, id })) };
}
