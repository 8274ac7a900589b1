import { isUtf8 } from "node:buffer";
import { MkError } from "../errors.js";
import { BLOCK_BYTES, checksumOf, FIELDS, paddingOf, type TarKind } from "./tar-header.js";

export interface TarReadEntry {
  readonly name: string;
  readonly kind: TarKind;
  readonly mode: number;
  readonly size: number;
  /** Of the last change. */
  readonly mtime: Date;
  readonly link: string;
  /** The contents; may be left unread. Must not be read after the next entry was asked for. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What stands before an entry about it. */
interface Meta {
  name?: string;
  link?: string;
  size?: number;
  mtime?: Date;
}

/** Names and attributes are short; an archive that says otherwise is no archive of files. */
const MAX_META_BYTES = 1024 * 1024;

/** The furthest time from 1970 that a `Date` holds. */
const MAX_TIME_MS = 8.64e15;

/**
 * The entries of a tar archive as GNU tar, busybox and bsdtar write it: ustar, GNU long names and binary sizes, pax paths, sizes and times.
 * PROTOCOL_ERROR for bytes that are no tar archive, or that end too early, and for names that are not UTF-8.
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarReadEntry, void, undefined> {
  const source = new ByteSource(bytes);
  try {
    yield* readEntries(source);
  } finally {
    await source.close();
  }
}

async function* readEntries(source: ByteSource): AsyncGenerator<TarReadEntry, void, undefined> {
  let meta: Meta = {};
  for (;;) {
    const header = await source.take(BLOCK_BYTES);
    // An archive ends with two empty blocks; some writers leave them out, and then the bytes end.
    if (header === undefined || header.every((byte) => byte === 0)) break;
    assertChecksum(header);
    const type = String.fromCharCode(header[FIELDS.type[0]] ?? 0);
    const ownSize = readNumber(header, FIELDS.size);
    switch (type) {
      case "L":
        meta.name = await readMeta(source, ownSize);
        continue;
      case "K":
        meta.link = await readMeta(source, ownSize);
        continue;
      case "x":
        meta = { ...meta, ...parsePax(await source.exactly(checkedMeta(ownSize))) };
        await source.exactly(paddingOf(ownSize));
        continue;
      case "g":
        await source.skip(ownSize + paddingOf(ownSize));
        continue;
    }
    const name = meta.name ?? headerName(header);
    const kind = kindOf(type, name);
    const size = kind === "file" || kind === "other" ? (meta.size ?? ownSize) : 0;
    const body = source.limited(size);
    yield {
      name,
      kind,
      mode: readNumber(header, FIELDS.mode) & 0o7777,
      size,
      mtime: meta.mtime ?? readTime(header),
      link: meta.link ?? readString(header, FIELDS.link),
      body,
    };
    await source.skip(body.left + paddingOf(size));
    meta = {};
  }
  await source.drain();
}

function kindOf(type: string, name: string): TarKind {
  switch (type) {
    case "0":
    case "\0":
    case "7":
      // Before ustar a directory was a file with a slash at the end of its name.
      return name.endsWith("/") ? "directory" : "file";
    case "1":
      return "hardlink";
    case "2":
      return "symlink";
    case "5":
      return "directory";
    default:
      return "other";
  }
}

function headerName(header: Buffer): string {
  const name = readString(header, FIELDS.name);
  // GNU's own format has other things where ustar has the prefix.
  const isUstar = header.toString("latin1", FIELDS.magic[0], FIELDS.magic[0] + 6) === "ustar\0";
  const prefix = isUstar ? readString(header, FIELDS.prefix) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function assertChecksum(header: Buffer): void {
  if (readNumber(header, FIELDS.checksum) !== checksumOf(header)) throw malformed("a header's checksum is wrong");
}

function readString(header: Buffer, [offset, length]: readonly [number, number]): string {
  const field = header.subarray(offset, offset + length);
  return decoded(upToNul(field));
}

function readNumber(header: Buffer, [offset, length]: readonly [number, number]): number {
  const field = header.subarray(offset, offset + length);
  if (field[0] === 0x80) {
    const value = field.readBigUInt64BE(length - 8);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed("a number is too large");
    return Number(value);
  }
  const text = field
    .toString("latin1")
    .replace(/[\0 ]+$/, "")
    .trim();
  if (!/^[0-7]*$/.test(text)) throw malformed("a number is not octal");
  return text === "" ? 0 : Number.parseInt(text, 8);
}

function readTime(header: Buffer): Date {
  const [offset, length] = FIELDS.mtime;
  // GNU's binary form, of a time before 1970 or one that is too late for eleven octal digits.
  const isBinary = header[offset] === 0xff || header[offset] === 0x80;
  return nearestTime(isBinary ? Number(header.readBigInt64BE(offset + length - 8)) : readNumber(header, FIELDS.mtime));
}

/** A time that no `Date` can hold is no reason to lose the file: file systems clamp it as well. */
function nearestTime(seconds: number): Date {
  return new Date(Math.min(Math.max(seconds * 1000, -MAX_TIME_MS), MAX_TIME_MS));
}

async function readMeta(source: ByteSource, size: number): Promise<string> {
  const bytes = await source.exactly(checkedMeta(size));
  await source.exactly(paddingOf(size));
  return decoded(upToNul(bytes));
}

function upToNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Read loosely, two names could become the same, and one file take the place of the other. */
function decoded(name: Buffer): string {
  if (isUtf8(name)) return name.toString();
  const shown = JSON.stringify(name.toString());
  throw new MkError("PROTOCOL_ERROR", `the machine sent a name that is not UTF-8, ${shown}, and cannot be copied`, {
    hint: "Rename it in the machine, or pack the directory there with tar and copy the archive.",
  });
}

/** Records of `<length> <key>=<value>\n`, pax(1). */
function parsePax(bytes: Buffer): Meta {
  const found: Meta = {};
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString("latin1", at, blank));
    if (blank < 0 || !Number.isInteger(length) || length <= blank - at + 1 || at + length > bytes.length) {
      throw malformed("a pax record has a wrong length");
    }
    const record = bytes.subarray(blank + 1, at + length - 1);
    const equals = record.indexOf("=");
    // Other records may hold what is no text.
    const value = record.toString("latin1", equals + 1);
    switch (record.toString("latin1", 0, equals)) {
      case "path":
        found.name = decoded(record.subarray(equals + 1));
        break;
      case "linkpath":
        found.link = decoded(record.subarray(equals + 1));
        break;
      case "size":
        if (!/^\d{1,15}$/.test(value)) throw malformed("a pax size is no number");
        found.size = Number(value);
        break;
      case "mtime":
        if (!/^-?\d+(\.\d*)?$/.test(value)) throw malformed("a pax time is no number");
        found.mtime = nearestTime(Number(value));
        break;
    }
    at += length;
  }
  return found;
}

function checkedMeta(size: number): number {
  if (size > MAX_META_BYTES) throw malformed("a name is too long");
  return size;
}

function malformed(reason: string): MkError {
  return new MkError("PROTOCOL_ERROR", `the machine sent a damaged tar archive: ${reason}`);
}

/** Bytes in portions of the size that the reader wants. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; undefined at the end of all bytes. */
  async take(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const part = await this.#some(left);
      if (part === undefined) {
        if (left === length) return undefined;
        throw malformed("it ends too early");
      }
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  async exactly(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const bytes = await this.take(length);
    if (bytes === undefined) throw malformed("it ends too early");
    return bytes;
  }

  async skip(length: number): Promise<void> {
    for await (const _ of this.limited(length)) void _;
  }

  /** Reads on to the end, so that the program that writes does not stand still. */
  async drain(): Promise<void> {
    while ((await this.#some(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  /** Lets go of where the bytes come from. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  limited(length: number): AsyncIterable<Uint8Array> & { readonly left: number } {
    const source = this;
    let left = length;
    return {
      get left() {
        return left;
      },
      async *[Symbol.asyncIterator]() {
        while (left > 0) {
          const part = await source.#some(left);
          if (part === undefined) throw malformed("it ends too early");
          left -= part.length;
          yield part;
        }
      },
    };
  }

  async #some(most: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return undefined;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
