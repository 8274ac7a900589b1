/** The form of a vector file; its own `about` explains it. */
export interface VectorFile {
  readonly format: string;
  readonly vectors: readonly Vector[];
  readonly malformed: readonly MalformedInput[];
}

/** A basic kind, or the name of a type in the schema. */
export type TypeReference = string;

export type VectorType =
  | { readonly kind: "struct"; readonly name: string; readonly fields: readonly (readonly [string, TypeReference])[] }
  | { readonly kind: "slice"; readonly name: string; readonly elem: TypeReference }
  | { readonly kind: "array"; readonly name: string; readonly elem: TypeReference; readonly len: number }
  | { readonly kind: "map"; readonly name: string; readonly key: TypeReference; readonly elem: TypeReference }
  | { readonly kind: "gobencoder" | "binarymarshaler" | "textmarshaler"; readonly name: string };

export interface VectorSchema {
  readonly registered: Readonly<Record<string, TypeReference>>;
  readonly types: Readonly<Record<string, VectorType>>;
}

export interface VectorMessage {
  readonly type: TypeReference;
  readonly value: unknown;
}

export interface VectorVariant {
  readonly go: string;
  readonly firstTypeId: number;
  readonly messages: readonly string[];
  readonly encodeExact: boolean;
}

export interface Vector {
  readonly id: string;
  readonly schema: VectorSchema;
  readonly variants: readonly VectorVariant[];
  readonly messages: readonly VectorMessage[];
  readonly decodeAs?: VectorMessage & {
    readonly goType: string;
    readonly schema: VectorSchema;
    readonly error?: string;
  };
}

export interface MalformedInput {
  readonly id: string;
  readonly into: string;
  readonly hex: string;
  readonly generate?: string;
  readonly expect: "ok" | "reject" | "either";
}
