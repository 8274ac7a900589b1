import { malformed } from "./errors.js";
import { decodeGoString } from "./go-string.js";
import type { GobLimits } from "./limits.js";

/** Thrown where a value goes on in a message that has not arrived: the value is then read again from its start. */
export const NEEDS_MORE = Symbol("needs more input");

const float = new DataView(new ArrayBuffer(8));

/**
 * Reads numbers and texts of one message after the other, out of bytes that have arrived. Nothing is allocated by what a length claims:
 * a length is first compared with the bytes that are there.
 */
export class GobReader {
  readonly limits: GobLimits;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  /** End of the current message. */
  #end = 0;
  /** End of what has arrived. */
  #arrived = 0;
  #start = 0;
  #depth = 0;
  #elements = 0;
  /** Where the bytes must reach before another try makes sense. */
  wanted = 0;

  constructor(limits: GobLimits) {
    this.limits = limits;
  }

  /** Reads `bytes` from `start`; no message is open yet. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = this.#end = this.#start = start;
    this.#arrived = end;
    this.#depth = this.#elements = 0;
  }

  get messageEnd(): number {
    return this.#end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  /** Opens the message that begins where the current one ends. False, with `wanted` set, while it is not there as a whole. */
  openMessage(): boolean {
    const header = this.#end;
    if (header >= this.#arrived) return this.#want(header + 1);
    const first = this.#bytes[header]!;
    const width = first < 0x80 ? 0 : 256 - first;
    if (width > 8) throw malformed(`a length of ${width} bytes`);
    if (header + 1 + width > this.#arrived) return this.#want(header + 1 + width);
    this.#at = header;
    this.#end = header + 1 + width;
    const length = this.#number(first, width);
    if (length === 0) throw malformed("a message of length 0");
    const from = header + 1 + width;
    // From here on the whole value counts, so that a value in many messages is bounded as well.
    if (from + length - this.#start > this.limits.messageBytes) {
      throw malformed(`a message of ${length} bytes, more than the ${this.limits.messageBytes} allowed`);
    }
    if (from + length > this.#arrived) {
      this.#end = header;
      return this.#want(from + length);
    }
    this.#end = from + length;
    return true;
  }

  #want(position: number): false {
    this.wanted = position;
    return false;
  }

  /** As {@link openMessage}, from inside a value. */
  continueInNextMessage(): void {
    this.#at = this.#end;
    if (!this.openMessage()) throw NEEDS_MORE;
  }

  enter(): void {
    if (++this.#depth > this.limits.depth) throw malformed(`values nested more than ${this.limits.depth} deep`);
  }

  leave(): void {
    this.#depth--;
  }

  get isOutermost(): boolean {
    return this.#depth <= 1;
  }

  byte(): number {
    if (this.#at >= this.#end) throw malformed("a message ends inside a value");
    return this.#bytes[this.#at++]!;
  }

  /** An unsigned number that must be a safe integer: a count, a length, a field delta. */
  uint(): number {
    const first = this.byte();
    return first < 0x80 ? first : this.#wide(first);
  }

  #wide(first: number): number {
    this.#at--;
    const width = 256 - first;
    this.#requireWidth(width);
    const value = this.#number(first, width);
    if (value > Number.MAX_SAFE_INTEGER) throw malformed("a count or length above 2^53");
    return value;
  }

  #requireWidth(width: number): void {
    if (width > 8) throw malformed(`a number of ${width} bytes`);
    if (width >= this.left) throw malformed("a message ends inside a number");
  }

  // Inexact above 2^53: good for comparisons only.
  #number(first: number, width: number): number {
    this.#at++;
    if (width === 0) return first;
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.#bytes[this.#at++]!;
    return value;
  }

  bigUint(): bigint {
    const first = this.byte();
    if (first < 0x80) return BigInt(first);
    const width = 256 - first;
    this.#at--;
    this.#requireWidth(width);
    this.#at++;
    let high = 0;
    let low = 0;
    for (let i = 0; i < width; i++) {
      high = ((high << 8) | (low >>> 24)) >>> 0;
      low = ((low << 8) | this.#bytes[this.#at++]!) >>> 0;
    }
    return (BigInt(high) << 32n) | BigInt(low);
  }

  bigInt(): bigint {
    const u = this.bigUint();
    return u & 1n ? ~(u >> 1n) : u >> 1n;
  }

  /** A signed number, or undefined when it is no safe integer. */
  int(): number | undefined {
    const first = this.byte();
    if (first < 0x80) return first & 1 ? ~(first >> 1) : first >> 1;
    this.#at--;
    const width = 256 - first;
    if (width > 6) {
      const big = this.bigInt();
      const value = Number(big);
      return Number.isSafeInteger(value) ? value : undefined;
    }
    this.#requireWidth(width);
    const u = this.#number(first, width);
    const half = Math.floor(u / 2);
    return u % 2 === 1 ? -half - 1 : half;
  }

  /** An unsigned number, or undefined when it is no safe integer. */
  smallUint(): number | undefined {
    const first = this.byte();
    if (first < 0x80) return first;
    this.#at--;
    const width = 256 - first;
    if (width > 6) {
      const big = this.bigUint();
      return big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : undefined;
    }
    this.#requireWidth(width);
    return this.#number(first, width);
  }

  typeId(): number {
    const id = this.int();
    if (id === undefined || id > 0x7fff_ffff || id < -0x7fff_ffff) throw malformed("a type id out of range");
    return id;
  }

  bool(): boolean {
    return this.bigUint() !== 0n;
  }

  /** The bits of an IEEE-754 double, its bytes reversed, as an unsigned number: so what is cut off are its lowest bytes. */
  float(): number {
    const first = this.byte();
    const width = first < 0x80 ? 1 : 256 - first;
    this.#at--;
    if (first >= 0x80) {
      this.#requireWidth(width);
      this.#at++;
    }
    float.setFloat64(0, 0);
    for (let i = 8 - width; i < 8; i++) float.setUint8(i, this.#bytes[this.#at++]!);
    return float.getFloat64(0, true);
  }

  /** A view into the input: valid until the decoder is given more. */
  #view(): Uint8Array {
    const length = this.uint();
    if (length > this.left) throw malformed(`a text of ${length} bytes in a message with ${this.left} left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  bytes(): Uint8Array {
    return this.#view().slice();
  }

  string(): string {
    return decodeGoString(this.#view());
  }

  skipText(): void {
    this.#view();
  }

  skipUint(): void {
    const first = this.byte();
    if (first < 0x80) return;
    const width = 256 - first;
    this.#at--;
    this.#requireWidth(width);
    this.#at += 1 + width;
  }

  /**
   * The number of elements that follow. It is not compared with the bytes left: interfaces bring in further messages. No element is without bytes, so a count
   * that lies ends where the bytes do.
   */
  count(): number {
    const count = this.uint();
    this.#elements += count;
    if (this.#elements > this.limits.elements) throw malformed(`a value of more than ${this.limits.elements} elements`);
    return count;
  }

  typeName(): string {
    const length = this.uint();
    if (length > this.limits.typeNameBytes) throw malformed(`a type name of ${length} bytes`);
    if (length > this.left) throw malformed("a type name longer than its message");
    this.#at += length;
    return decodeGoString(this.#bytes.subarray(this.#at - length, this.#at));
  }
}
