/** Writer of XDR (RFC 4506): big-endian, everything padded to four bytes. */
export class XdrWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value | 0);
    this.#parts.push(bytes);
    return this;
  }

  uint(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    this.#parts.push(bytes);
    return this;
  }

  uhyper(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    this.#parts.push(bytes);
    return this;
  }

  /** Bytes of a length both sides know. */
  fixed(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes), Buffer.alloc(-bytes.length & 3));
    return this;
  }

  string(text: string): this {
    const bytes = Buffer.from(text, "utf8");
    return this.uint(bytes.length).fixed(bytes);
  }

  /** A pointer in XDR's language: a count of 0 or 1 and then the value. */
  optional<T>(value: T | undefined, write: (writer: this, value: T) => void): this {
    this.uint(value === undefined ? 0 : 1);
    if (value !== undefined) write(this, value);
    return this;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Reader of XDR. RangeError when the bytes end early or a length is not one the message can hold. */
export class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A reader of its own of what is left. */
  copy(): XdrReader {
    return new XdrReader(this.#bytes.subarray(this.#offset));
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  uint(): number {
    return this.#take(4).readUInt32BE();
  }

  uhyper(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  hyper(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  fixed(length: number): Buffer {
    const bytes = this.#take(length);
    this.#take(-length & 3);
    return bytes;
  }

  string(): string {
    return this.fixed(this.uint()).toString("utf8");
  }

  optional<T>(read: (reader: this) => T): T | undefined {
    const count = this.uint();
    if (count > 1) throw new RangeError(`an optional value has the count ${count}`);
    return count === 1 ? read(this) : undefined;
  }

  array<T>(read: (reader: this) => T): readonly T[] {
    const count = this.uint();
    // Every item takes four bytes at least: a larger count is a lie, and must not allocate.
    if (count > this.remaining / 4)
      throw new RangeError(`an array of ${count} items does not fit in ${this.remaining} bytes`);
    return Array.from({ length: count }, () => read(this));
  }

  #take(length: number): Buffer {
    if (length > this.remaining) throw new RangeError(`${length} bytes wanted, ${this.remaining} left`);
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}
