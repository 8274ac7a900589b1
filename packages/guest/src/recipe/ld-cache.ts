import type { GuestArch } from "@mk/core";

export interface CachedLibrary {
  readonly soname: string;
  readonly path: string;
}

const MAGIC = "glibc-ld.so.cache1.1";
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;
const LITTLE_ENDIAN = 2;

// FLAG_ELF_LIBC6 with FLAG_X8664_LIB64 or FLAG_AARCH64_LIB64. Source: glibc, sysdeps/generic/ldconfig.h.
const FLAGS: Readonly<Record<GuestArch, number>> = { amd64: 0x0303, arm64: 0x0a03 };

/** The order of glibc's _dl_cache_libcmp: digits compare as numbers. */
export function compareLibraryNames(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length) {
    const left = /^\d+/.exec(a.slice(i))?.[0];
    const right = /^\d+/.exec(b.slice(j))?.[0];
    if (left !== undefined && right !== undefined) {
      const difference = Number(left) - Number(right);
      if (difference !== 0) return difference;
      i += left.length;
      j += right.length;
    } else if (left !== undefined) return 1;
    else if (right !== undefined) return -1;
    else if (a[i] !== b[j]) return (a.charCodeAt(i) || 0) - (b.charCodeAt(j) || 0);
    else {
      i++;
      j++;
    }
  }
  return j < b.length ? -1 : 0;
}

/**
 * Writes an ld.so.cache as ldconfig does, so that the loader finds each library at its first try. The loader searches it by halves, from the
 * greatest name to the least. Source: glibc, sysdeps/generic/dl-cache.h.
 */
export function ldCache(libraries: readonly CachedLibrary[], arch: GuestArch): Buffer {
  const sorted = [...libraries].sort((a, b) => compareLibraryNames(b.soname, a.soname) || (a.path < b.path ? -1 : 1));
  const stringsOffset = HEADER_BYTES + sorted.length * ENTRY_BYTES;
  const entries = Buffer.alloc(sorted.length * ENTRY_BYTES);
  const strings: Buffer[] = [];
  let offset = stringsOffset;
  const addString = (text: string): number => {
    const bytes = Buffer.from(`${text}\0`);
    strings.push(bytes);
    offset += bytes.length;
    return offset - bytes.length;
  };
  for (const [index, { soname, path }] of sorted.entries()) {
    const at = index * ENTRY_BYTES;
    entries.writeInt32LE(FLAGS[arch], at);
    entries.writeUInt32LE(addString(soname), at + 4);
    entries.writeUInt32LE(addString(path), at + 8);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, "latin1");
  header.writeUInt32LE(sorted.length, 20);
  header.writeUInt32LE(offset - stringsOffset, 24);
  header.writeUInt8(LITTLE_ENDIAN, 28);
  return Buffer.concat([header, entries, ...strings]);
}
