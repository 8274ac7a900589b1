/** What a decoder accepts. Go itself takes messages of 8 GiB and allocates what their lengths claim. */
export interface GobLimits {
  /** Bytes of one message, and of all messages that one value spans. */
  readonly messageBytes: number;
  /** Nested slices, maps, structs and interfaces. */
  readonly depth: number;
  /** Type definitions of one connection. */
  readonly definitions: number;
  /** Bytes of all type definitions of one connection. */
  readonly definitionBytes: number;
  readonly fieldsPerStruct: number;
  /** Elements of all slices, arrays and maps of one value. One of a single byte may cost an object of 200. */
  readonly elements: number;
  /** Bytes of the name of an interface value's type; Go's own limit. */
  readonly typeNameBytes: number;
}

/** The limits of a decoder that is given none. */
export const GOB_LIMITS: GobLimits = {
  messageBytes: 64 << 20,
  depth: 100,
  definitions: 10_000,
  definitionBytes: 4 << 20,
  fieldsPerStruct: 1000,
  elements: 250_000,
  typeNameBytes: 1024,
};
