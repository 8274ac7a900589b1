import { encodeGoString } from "./go-string.js";

const float = new DataView(new ArrayBuffer(8));

const KEPT_BYTES = 4 << 20;

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
    // One big value must not hold its memory for the life of a connection.
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(128);
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
    if (!this.#shortAscii(value)) this.bytes(encodeGoString(value));
  }

  // Most texts are short names: for them a loop is several times faster than a native call. False when it is not that simple.
  #shortAscii(value: string): boolean {
    const { length } = value;
    if (length > 64) return false;
    this.#reserve(1 + length);
    const start = this.#length + 1;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[start + i] = code;
    }
    this.#bytes[start - 1] = length;
    this.#length = start + length;
    return true;
  }

  /** Everything that `write` gathers, with its length before it. */
  prefixed(write: () => void): void {
    const at = this.#length;
    // Nearly always one byte is enough; else the content moves.
    this.byte(0);
    write();
    const content = this.#length - at - 1;
    if (content < 0x80) {
      this.#bytes[at] = content;
      return;
    }
    let width = 1;
    for (let rest = Math.floor(content / 256); rest > 0; rest = Math.floor(rest / 256)) width++;
    this.#reserve(width);
    this.#bytes.copyWithin(at + 1 + width, at + 1, this.#length);
    const end = this.#length + width;
    this.#length = at;
    this.uint(content);
    this.#length = end;
  }

  /** A copy of its own. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.clear();
    return taken;
  }

  /** Everything another writer gathered, as one message. */
  message(content: GobWriter): void {
    this.bytes(content.view());
  }
}
