declare const valueType: unique symbol;

export interface Typed<T> {
  /** Never set: carries the type of the values. */
  readonly [valueType]?: T;
}

/**
 * The type of a gob value, as this side sees it. Schemas are compared by identity: each object that is encoded defines a
 * type of its own in the stream, as each Go type does. Make them once, as constants.
 */
export type GobSchema<T = unknown> = Typed<T> & GobShape;

/** A schema without the type of its values. */
export type GobShape =
  | { readonly kind: "bool" | "float" | "bytes" | "string" | "complex" }
  /** `bits` bounds what is accepted; more than 53 come as `bigint`. */
  | { readonly kind: "int" | "uint"; readonly bits: number; readonly big: boolean }
  | { readonly kind: "slice"; readonly name: string; readonly elem: GobShape }
  | { readonly kind: "array"; readonly name: string; readonly elem: GobShape; readonly length: number }
  | { readonly kind: "map"; readonly name: string; readonly key: GobShape; readonly elem: GobShape }
  | { readonly kind: "struct"; readonly name: string; readonly fields: () => readonly GobField[] }
  /** A type that encodes itself (time.Time, big.Int): bytes that only it can read. */
  | { readonly kind: "opaque"; readonly name: string; readonly by: OpaqueEncoding }
  | { readonly kind: "interface"; readonly registry: GobRegistry }
  /** For readers only: whatever comes, decoded by the type the writer sent. */
  | { readonly kind: "any" }
  /** For readers only: whatever comes, dropped. */
  | { readonly kind: "ignored" };

/** The Go interface by which a type encodes itself. */
export type OpaqueEncoding = "GobEncoder" | "BinaryMarshaler" | "TextMarshaler";

/** A field of a struct. Fields are matched by name. */
export interface GobField {
  readonly name: string;
  readonly type: GobShape;
}

/** What the name sent with an interface value stands for. A reader decodes names it does not know as `any`. */
export type GobRegistry = (name: string) => GobShape | undefined;

/** A value in a Go interface, with the name its type was registered under. */
export interface GobInterfaceValue {
  readonly name: string;
  readonly value: unknown;
}

/** The type of a schema's values. */
export type GobValue<S> = S extends Typed<infer T> ? T : never;

// A pointer, map or interface that is nil is left out by the writer: the reader then has undefined.
type Zero<S> = S extends { readonly kind: "struct" | "map" | "interface" | "opaque" } ? undefined : never;

/** The value of a struct: an object with all its fields, those left out as their zero values. */
export type GobStructValue<F extends Readonly<Record<string, GobShape>>> = {
  readonly [K in keyof F]: GobValue<F[K]> | Zero<F[K]>;
};

/** Go strings hold bytes. Those that are not UTF-8 come as lone surrogates U+DC80..U+DCFF and go back as the same bytes. */
const string: GobSchema<string> & { readonly kind: "string" } = { kind: "string" };
const bool: GobSchema<boolean> & { readonly kind: "bool" } = { kind: "bool" };
const float: GobSchema<number> & { readonly kind: "float" } = { kind: "float" };
const bytes: GobSchema<Uint8Array> & { readonly kind: "bytes" } = { kind: "bytes" };
const complex: GobSchema<readonly [re: number, im: number]> & { readonly kind: "complex" } = { kind: "complex" };
/** Refuses what is not a safe integer. */
const int: GobSchema<number> & { readonly kind: "int" } = { kind: "int", bits: 54, big: false };
const uint: GobSchema<number> & { readonly kind: "uint" } = { kind: "uint", bits: 53, big: false };
const int64: GobSchema<bigint> & { readonly kind: "int" } = { kind: "int", bits: 64, big: true };
const uint64: GobSchema<bigint> & { readonly kind: "uint" } = { kind: "uint", bits: 64, big: true };
const any: GobSchema<unknown> & { readonly kind: "any" } = { kind: "any" };
const ignored: GobSchema<undefined> & { readonly kind: "ignored" } = { kind: "ignored" };

function struct<const F extends Readonly<Record<string, GobShape>>>(
  name: string,
  fields: F,
): GobSchema<GobStructValue<F>> & { readonly kind: "struct" } {
  const list = Object.entries(fields).map(([name, type]) => ({ name, type }));
  return { kind: "struct", name, fields: () => list };
}

function slice<T>(elem: GobSchema<T>, name = ""): GobSchema<readonly T[]> & { readonly kind: "slice" } {
  return { kind: "slice", name, elem };
}

function map<K, V>(
  key: GobSchema<K>,
  elem: GobSchema<V>,
  name = "",
): GobSchema<ReadonlyMap<K, V>> & { readonly kind: "map" } {
  return { kind: "map", name, key, elem };
}

function interfaceOf(registry: GobRegistry): GobSchema<GobInterfaceValue | undefined> & { readonly kind: "interface" } {
  return { kind: "interface", registry };
}

/** Constructors of schemas. */
export const gob = {
  bool,
  int,
  uint,
  int64,
  uint64,
  float,
  bytes,
  string,
  complex,
  any,
  ignored,
  struct,
  slice,
  map,
  interface: interfaceOf,
} as const;
