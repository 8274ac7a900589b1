import { MkError } from "@mk/core";
import { compileDecoder, type Decode, IGNORED, type TypeSource } from "./compile-decoder.js";
import { malformed, SchemaMismatch } from "./errors.js";
import { GOB_LIMITS, type GobLimits } from "./limits.js";
import { GobReader, NEEDS_MORE } from "./reader.js";
import type { GobSchema, GobShape } from "./schema.js";
import {
  BASIC_WIRE_TYPES,
  LOWEST_TYPE_ID,
  META_TYPE_ID,
  META_WIRE_TYPES,
  parseWireType,
  type WireType,
  type WireTypeRecord,
  wireTypeSchema,
} from "./wire-type.js";

/** A buffer that a big value needed is kept for the next up to this size. */
const KEPT_BYTES = 4 << 20;

/** `refused`: the value was well formed and was dropped, since the schema does not take it; the stream goes on. */
export type Decoded<T> = { readonly value: T } | { readonly refused: string };

/**
 * Reads one direction of a gob stream: bytes are pushed in as they arrive, values are taken out when they are there as a whole. Input that
 * breaks gob's rules or exceeds the limits throws PROTOCOL_ERROR, then and ever after. No input hangs it or makes it allocate more than a
 * multiple of what has arrived.
 */
export class GobDecoder {
  readonly #limits: GobLimits;
  readonly #reader: GobReader;
  #bytes = new Uint8Array(256);
  #start = 0;
  #end = 0;
  /** No value can be complete before the bytes reach this. */
  #wanted = 1;
  #failure: unknown;
  readonly #types = new Map<number, WireType>();
  #definitionBytes = 0;
  #definedByAttempt: number[] = [];
  #rereadBytes = 0;
  readonly #decoders = new Map<GobShape, Map<number, Decode>>();
  readonly #source: TypeSource = {
    wireType: (id) => this.#wireType(id),
    decoder: (id, shape) => this.#decoder(id, shape),
    define: (id, reader) => this.#define(id, reader),
  };

  constructor(limits: Partial<GobLimits> = {}) {
    this.#limits = { ...GOB_LIMITS, ...limits };
    this.#reader = new GobReader(this.#limits);
  }

  /** Bytes that were given and not taken out yet. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeRoom(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #makeRoom(length: number): void {
    const needed = this.buffered + length;
    const grown = needed * 2 > this.#bytes.length ? new Uint8Array(Math.max(256, needed * 2)) : this.#bytes;
    if (grown === this.#bytes) grown.copyWithin(0, this.#start, this.#end);
    else grown.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = grown;
    this.#wanted -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
  }

  /** The next value, or undefined while it is not there as a whole. */
  decode<T>(schema: GobSchema<T>): Decoded<T> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (;;) {
        if (this.#end < this.#wanted) return undefined;
        const decoded = this.#attempt(schema);
        if (decoded !== "definition") return decoded as Decoded<T> | undefined;
      }
    } catch (error) {
      // A decoder of ours that overflows the stack or the like must not leave a stream that is out of step.
      this.#failure = MkError.is(error, "PROTOCOL_ERROR") ? error : malformed("a value that cannot be decoded");
      throw this.#failure;
    }
  }

  #attempt(schema: GobShape): Decoded<unknown> | "definition" | undefined {
    const reader = this.#reader;
    reader.open(this.#bytes, this.#start, this.#end);
    if (!reader.openMessage()) return this.#wait();
    const id = reader.typeId();
    if (id < 0) {
      this.#define(-id, reader);
      if (reader.left > 0) throw malformed("bytes after a type definition");
      this.#commit();
      return "definition";
    }
    try {
      const value = this.#decodeTop(id, schema);
      this.#commit();
      return { value };
    } catch (error) {
      this.#rollBack();
      if (error === NEEDS_MORE) return this.#wait();
      if (!(error instanceof SchemaMismatch)) throw error;
      const skipped = this.#attempt(IGNORED);
      return skipped && { refused: error.message };
    }
  }

  #decodeTop(id: number, schema: GobShape): unknown {
    const isStruct = this.#wireType(id).kind === "struct";
    if (isStruct) return this.#decoder(id, schema)(this.#reader);
    if (this.#reader.byte() !== 0) throw malformed("no zero byte before a value");
    return this.#decoder(id, schema)(this.#reader);
  }

  // A value that spans messages is read again from its start whenever one more has come. What that may cost in all is bounded, so that
  // many small messages behind a big one do not keep us busy.
  #wait(): undefined {
    this.#wanted = this.#reader.wanted;
    this.#rereadBytes += this.#reader.messageEnd - this.#start;
    if (this.#rereadBytes > this.#limits.messageBytes) throw malformed("a value cut into too many messages");
    return undefined;
  }

  #commit(): void {
    this.#start = this.#reader.messageEnd;
    this.#definedByAttempt = [];
    this.#rereadBytes = 0;
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(256);
    }
    this.#wanted = this.#start + 1;
  }

  #rollBack(): void {
    for (const id of this.#definedByAttempt) this.#types.delete(id);
    this.#definedByAttempt = [];
  }

  #define(id: number, reader: GobReader): void {
    if (id < LOWEST_TYPE_ID) throw malformed(`a definition of type ${id}`);
    if (this.#types.has(id)) throw malformed(`a second definition of type ${id}`);
    if (this.#types.size >= this.#limits.definitions) throw malformed(`more than ${this.#limits.definitions} types`);
    const before = reader.left;
    const record = compileMeta()(reader) as WireTypeRecord;
    this.#definitionBytes += before - reader.left;
    if (this.#definitionBytes > this.#limits.definitionBytes) throw malformed("too many bytes of type definitions");
    this.#types.set(id, parseWireType(record, this.#limits));
    this.#definedByAttempt.push(id);
  }

  #wireType(id: number): WireType {
    const wire = BASIC_WIRE_TYPES.get(id) ?? this.#types.get(id);
    if (wire === undefined) throw malformed(`type ${id} is not defined`);
    return wire;
  }

  #decoder(id: number, shape: GobShape): Decode {
    let byId = this.#decoders.get(shape);
    if (byId === undefined) {
      byId = new Map();
      this.#decoders.set(shape, byId);
    }
    const known = byId.get(id);
    if (known !== undefined) return known;
    // Recursive types find this one while theirs is being compiled.
    let compiled: Decode | undefined;
    byId.set(id, (reader) => compiled!(reader));
    try {
      compiled = compileDecoder(id, shape, this.#source);
    } catch (error) {
      // Decoders compiled meanwhile may refer to this one.
      this.#decoders.clear();
      throw error;
    }
    byId.set(id, compiled);
    return compiled;
  }
}

let meta: Decode | undefined;

/** The decoder of definitions themselves: the same for all streams. */
function compileMeta(): Decode {
  if (meta !== undefined) return meta;
  const source: TypeSource = {
    wireType: (id) => META_WIRE_TYPES.get(id) ?? BASIC_WIRE_TYPES.get(id)!,
    decoder: (id, shape) => compileDecoder(id, shape, source),
    define: () => {
      throw malformed("a definition inside a definition");
    },
  };
  meta = compileDecoder(META_TYPE_ID.wireType, wireTypeSchema, source);
  return meta;
}
