import { BLOCK_BYTES, checksumOf, FIELDS, TYPE_FLAGS } from "./tar-header.js";

export interface TarWriteEntry {
  readonly name: string;
  readonly kind: keyof typeof TYPE_FLAGS;
  readonly mode: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly link?: string;
}

/**
 * The header of an entry, in GNU's format: names that are too long for a header come before it as an entry of their own. Pax would be
 * the standard, but busybox passes pax headers over, and the file would get a wrong name.
 */
export function tarHeader(entry: TarWriteEntry): Uint8Array {
  const name = Buffer.from(entry.name);
  const link = Buffer.from(entry.link ?? "");
  return Buffer.concat([
    ...(name.length > FIELDS.name[1] ? longName("L", name) : []),
    ...(link.length > FIELDS.link[1] ? longName("K", link) : []),
    header({ ...entry, type: TYPE_FLAGS[entry.kind], name, link }),
  ]);
}

/** What ends an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK_BYTES);

interface Header {
  readonly type: string;
  readonly name: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly size: number;
  readonly mtimeSeconds: number;
}

function longName(type: "L" | "K", name: Buffer): readonly Uint8Array[] {
  const contents = Buffer.alloc(Math.ceil((name.length + 1) / BLOCK_BYTES) * BLOCK_BYTES);
  name.copy(contents);
  const about = { type, name: Buffer.from("././@LongLink"), link: Buffer.alloc(0), mode: 0, mtimeSeconds: 0 };
  return [header({ ...about, size: name.length + 1 }), contents];
}

function header({ type, name, link, mode, size, mtimeSeconds }: Header): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const put = ([offset, length]: readonly [number, number], value: Buffer): void => {
    value.copy(block, offset, 0, Math.min(length, value.length));
  };
  put(FIELDS.name, name);
  put(FIELDS.mode, octal(mode & 0o7777, 8));
  put(FIELDS.uid, octal(0, 8));
  put(FIELDS.gid, octal(0, 8));
  put(FIELDS.size, number(size, 12));
  put(FIELDS.mtime, number(Math.max(0, mtimeSeconds), 12));
  put(FIELDS.type, Buffer.from(type));
  put(FIELDS.link, link);
  put(FIELDS.magic, Buffer.from("ustar  \0"));
  put(FIELDS.checksum, Buffer.from(`${checksumOf(block).toString(8).padStart(6, "0")}\0 `));
  return block;
}

function octal(value: number, length: number): Buffer {
  return Buffer.from(`${value.toString(8).padStart(length - 1, "0")}\0`);
}

/** Octal, or GNU's binary form for 8 GiB and more. */
function number(value: number, length: number): Buffer {
  if (value < 8 ** (length - 1)) return octal(value, length);
  const bytes = Buffer.alloc(length);
  bytes.writeBigUInt64BE(BigInt(value), length - 8);
  bytes[0] = 0x80;
  return bytes;
}
