import { compileEncoder, type Encode, type TypeSink } from "./compile-encoder.js";
import type { GobSchema, GobShape } from "./schema.js";
import { basicTypeId, LOWEST_TYPE_ID, type WireTypeRecord, wireTypeSchema } from "./wire-type.js";
import { GobWriter } from "./writer.js";

/** How an encoder writes where readers differ. The defaults suit every Go reader. */
export interface GobEncoderOptions {
  /** The first id for a type of ours. Default 65, as Go has given for ten years. */
  readonly firstTypeId?: number;
  /**
   * Where types are defined that an interface value needs. `ahead`: in messages of their own before the value's, so that the value is one message and a
   * reader that refuses it keeps its place. `inline`: as Go does, which cuts the message. Default `ahead`.
   */
  readonly definitions?: "ahead" | "inline";
}

/**
 * Writes one direction of a gob stream. Types are told apart by schema object and defined when first needed. The bytes of one call belong
 * together and must be sent in the order of the calls.
 */
export class GobEncoder {
  readonly #inline: boolean;
  #nextId: number;
  readonly #ids = new Map<GobShape, number>();
  readonly #sent = new Set<GobShape>();
  #defined: GobShape[] = [];
  readonly #encoders = new Map<GobShape, Encode>();
  // Used again for each value.
  readonly #output = new GobWriter();
  readonly #message = new GobWriter();
  /** Where finished messages go: the output, or in an interface value the writer around it. */
  #targets: GobWriter[] = [];
  readonly #sink: TypeSink = {
    encoder: (shape) => this.#encoder(shape),
    writeConcrete: (writer, shape, value) => this.#writeConcrete(writer, shape, value),
  };

  constructor(options: GobEncoderOptions = {}) {
    this.#inline = options.definitions === "inline";
    this.#nextId = options.firstTypeId ?? LOWEST_TYPE_ID + 1;
  }

  /** The messages that carry this value: definitions not sent before, and the value. TypeError for a value that is not of the schema's type. */
  encode<T>(schema: GobSchema<T>, value: T): Uint8Array {
    this.#message.clear();
    this.#output.clear();
    this.#targets = [this.#output];
    this.#defined = [];
    const message = this.#message;
    try {
      this.#defineType(message, schema);
      message.int(this.#id(schema));
      if (schema.kind !== "struct") message.byte(0);
      this.#encoder(schema)(message, value);
    } catch (error) {
      // What was defined meanwhile is not going to be sent.
      for (const shape of this.#defined) this.#sent.delete(shape);
      throw error;
    }
    this.#output.message(message);
    return this.#output.take();
  }

  #encoder(shape: GobShape): Encode {
    const known = this.#encoders.get(shape);
    if (known !== undefined) return known;
    // A schema that contains itself finds this one while its own is being compiled.
    let compiled: Encode | undefined;
    this.#encoders.set(shape, (writer, value) => compiled!(writer, value));
    compiled = compileEncoder(shape, this.#sink);
    this.#encoders.set(shape, compiled);
    return compiled;
  }

  #writeConcrete(writer: GobWriter, shape: GobShape, value: unknown): void {
    this.#defineType(writer, shape);
    writer.int(this.#id(shape));
    if (!this.#inline) {
      writer.prefixed(() => {
        if (shape.kind !== "struct") writer.byte(0);
        this.#encoder(shape)(writer, value);
      });
      return;
    }
    // Definitions inside go between what is gathered and the content, whose count begins anew behind each of them.
    const content = new GobWriter();
    this.#targets.push(writer);
    if (shape.kind !== "struct") content.byte(0);
    this.#encoder(shape)(content, value);
    this.#targets.pop();
    writer.message(content);
  }

  /** Sends the definitions of a type and of what it is made of, unless they were. Inline, the bytes gathered so far end with each of them. */
  #defineType(gathered: GobWriter, shape: GobShape): void {
    if (basicTypeId(shape) !== undefined || this.#sent.has(shape)) return;
    const id = this.#id(shape);
    const target = this.#inline ? this.#targets.at(-1)! : this.#targets[0]!;
    const message = this.#inline ? gathered : new GobWriter();
    message.int(-id);
    this.#encoder(wireTypeSchema)(message, this.#wireType(shape, id));
    target.message(message);
    message.clear();
    this.#sent.add(shape);
    this.#defined.push(shape);
    for (const part of partsOf(shape)) this.#defineType(gathered, part);
  }

  /** Ids as Go gives them: a struct before its fields, other composites after their elements. */
  #id(shape: GobShape): number {
    const known = basicTypeId(shape) ?? this.#ids.get(shape);
    if (known !== undefined) return known;
    const isStruct = shape.kind === "struct";
    // 0 marks a type that is being walked, so that recursion ends; it gets its id on the way back, or below when asked for earlier.
    this.#ids.set(shape, isStruct ? this.#nextId++ : 0);
    for (const part of partsOf(shape)) {
      if (this.#id(part) === 0 && isStruct) this.#ids.set(part, this.#nextId++);
    }
    if (this.#ids.get(shape) === 0) this.#ids.set(shape, this.#nextId++);
    return this.#ids.get(shape)!;
  }

  #wireType(shape: GobShape, id: number): WireTypeRecord {
    const record: { -readonly [K in keyof WireTypeRecord]?: WireTypeRecord[K] } = {};
    switch (shape.kind) {
      case "array":
        record.ArrayT = { CommonType: { Name: shape.name, Id: id }, Elem: this.#id(shape.elem), Len: shape.length };
        break;
      case "slice":
        record.SliceT = { CommonType: { Name: shape.name, Id: id }, Elem: this.#id(shape.elem) };
        break;
      case "map":
        record.MapT = {
          CommonType: { Name: shape.name, Id: id },
          Key: this.#id(shape.key),
          Elem: this.#id(shape.elem),
        };
        break;
      case "struct":
        record.StructT = {
          CommonType: { Name: shape.name, Id: id },
          Field: shape.fields().map((field) => ({ Name: field.name, Id: this.#id(field.type) })),
        };
        break;
      case "opaque":
        record[`${shape.by}T`] = { CommonType: { Name: shape.name, Id: id } };
        break;
      default:
        throw new TypeError(`gob: "${shape.kind}" needs no definition`);
    }
    return record as WireTypeRecord;
  }
}

function partsOf(shape: GobShape): readonly GobShape[] {
  switch (shape.kind) {
    case "array":
    case "slice":
      return [shape.elem];
    case "map":
      return [shape.key, shape.elem];
    case "struct":
      return shape.fields().map((field) => field.type);
    default:
      return [];
  }
}
