import { Buffer, isUtf8 } from "node:buffer";

const ESCAPE = 0xdc00;
// With the u flag only lone surrogates match, not the halves of pairs.
const escaped = /[\udc80-\udcff]/u;

/** A Go string's bytes as a JavaScript string: bytes that are not UTF-8 become lone surrogates U+DC80..U+DCFF, so none is lost. */
export function decodeGoString(bytes: Uint8Array): string {
  if (bytes.length < 24) {
    const short = asciiOf(bytes);
    if (short !== undefined) return short;
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return isUtf8(buffer) ? buffer.toString("utf8") : decodeBroken(buffer);
}

// A native call costs more than a few characters do.
function asciiOf(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeBroken(bytes: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      parts.push(String.fromCharCode(ESCAPE + bytes[at]!));
      at += 1;
    } else {
      parts.push(bytes.toString("utf8", at, at + length));
      at += length;
    }
  }
  return parts.join("");
}

function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** The bytes that {@link decodeGoString} made the string of. Lone surrogates of other ranges become U+FFFD. */
export function encodeGoString(text: string): Uint8Array {
  if (!escaped.test(text)) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  let plain = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) {
      parts.push(Buffer.from(plain, "utf8"), Buffer.of(code - ESCAPE));
      plain = "";
    } else {
      plain += character;
    }
  }
  parts.push(Buffer.from(plain, "utf8"));
  return Buffer.concat(parts);
}
