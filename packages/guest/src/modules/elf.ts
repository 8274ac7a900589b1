/** A section of an ELF file. */
export interface ElfSection {
  readonly name: string;
  readonly bytes: Buffer;
}

const SECTION_NOBITS = 8;

/** Whether the bytes begin a 64-bit little-endian ELF file: all that Debian's amd64 and arm64 have. */
export const isElf64 = (bytes: Uint8Array): boolean =>
  bytes.length >= 64 && Buffer.from(bytes.buffer, bytes.byteOffset, 6).equals(Buffer.from("\x7fELF\x02\x01", "latin1"));

/** The sections of an ELF file with contents. Source: man 5 elf. */
export function elfSections(bytes: Buffer): readonly ElfSection[] {
  if (!isElf64(bytes)) return [];
  const tableOffset = Number(bytes.readBigUInt64LE(0x28));
  const entrySize = bytes.readUInt16LE(0x3a);
  const count = bytes.readUInt16LE(0x3c);
  const namesIndex = bytes.readUInt16LE(0x3e);
  if (tableOffset === 0 || tableOffset + entrySize * count > bytes.length || namesIndex >= count) return [];
  const section = (index: number) => {
    const at = tableOffset + index * entrySize;
    const offset = Number(bytes.readBigUInt64LE(at + 0x18));
    const size = bytes.readUInt32LE(at + 4) === SECTION_NOBITS ? 0 : Number(bytes.readBigUInt64LE(at + 0x20));
    return { nameOffset: bytes.readUInt32LE(at), bytes: bytes.subarray(offset, offset + size) };
  };
  const names = section(namesIndex).bytes;
  return Array.from({ length: count }, (_, index) => {
    const { nameOffset, bytes: contents } = section(index);
    return { name: cString(names, nameOffset), bytes: contents };
  });
}

export function cString(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return bytes.toString("latin1", offset, end === -1 ? bytes.length : end);
}
