import { encodeGoString } from "./go-string.js";

const float = new DataView(new ArrayBuffer(8));

/** Gathers bytes in gob's forms of numbers and texts. */
export class GobWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 128) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(needed * 2);
    grown.set(this.view());
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  uint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    let width = 1;
    for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) width++;
    this.#reserve(1 + width);
    this.#bytes[this.#length] = 256 - width;
    for (let i = width, rest = value; i > 0; i--, rest = Math.floor(rest / 256)) this.#bytes[this.#length + i] = rest;
    this.#length += 1 + width;
  }

  bigUint(value: bigint): void {
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.uint(Number(value));
    } else {
      float.setBigUint64(0, value);
      this.#significantBytes();
    }
  }

  int(value: number): void {
    const doubled = value < 0 ? -value * 2 - 1 : value * 2;
    if (Number.isSafeInteger(doubled)) this.uint(doubled);
    else this.bigInt(BigInt(value));
  }

  bigInt(value: bigint): void {
    this.bigUint(BigInt.asUintN(64, value < 0n ? (~value << 1n) | 1n : value << 1n));
  }

  float(value: number): void {
    float.setFloat64(0, value, true);
    this.#significantBytes();
  }

  // The eight bytes of `float` as an unsigned number.
  #significantBytes(): void {
    let first = 0;
    while (first < 7 && float.getUint8(first) === 0) first++;
    const isOneSmallByte = first === 7 && float.getUint8(7) < 0x80;
    if (!isOneSmallByte) this.byte(256 - (8 - first));
    for (; first < 8; first++) this.byte(float.getUint8(first));
  }

  bytes(value: Uint8Array): void {
    this.uint(value.length);
    this.append(value);
  }

  string(value: string): void {
    this.bytes(encodeGoString(value));
  }

  /** Everything another writer gathered, as one message. */
  message(content: GobWriter): void {
    this.bytes(content.view());
  }
}
