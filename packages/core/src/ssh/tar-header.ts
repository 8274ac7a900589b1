/** Blocks of a tar archive are this long, and so are the headers. */
export const BLOCK_BYTES = 512;

export type TarKind = "file" | "directory" | "symlink" | "hardlink" | "other";

/** Type flags, tar(5): "0" and NUL are files, "7" too for all who do not know better. */
export const TYPE_FLAGS = { file: "0", hardlink: "1", symlink: "2", directory: "5" } as const;

/** Where the fields of a header are: offset and length. */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;

/** The sum of a header's bytes with its checksum field as blanks. */
export function checksumOf(header: Uint8Array): number {
  const [offset, length] = FIELDS.checksum;
  let sum = 0;
  for (const [index, byte] of header.entries()) {
    sum += index >= offset && index < offset + length ? 0x20 : byte;
  }
  return sum;
}

/** How many bytes fill the last block of contents. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}
