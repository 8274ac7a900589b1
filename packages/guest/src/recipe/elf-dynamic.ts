import { cString, elfSections } from "../modules/elf.js";

export interface ElfDynamic {
  readonly soname: string | undefined;
  /** Sonames of the libraries it needs. */
  readonly needed: readonly string[];
}

const DT_NEEDED = 1;
const DT_SONAME = 14;
const ENTRY_BYTES = 16;

/** Reads what an ELF program or library asks of the dynamic loader; undefined for static ones and for other files. */
export function readElfDynamic(bytes: Buffer): ElfDynamic | undefined {
  const sections = elfSections(bytes);
  const dynamic = sections.find(({ name }) => name === ".dynamic");
  const strings = sections.find(({ name }) => name === ".dynstr");
  if (dynamic === undefined || strings === undefined) return undefined;
  let soname: string | undefined;
  const needed: string[] = [];
  for (let at = 0; at + ENTRY_BYTES <= dynamic.bytes.length; at += ENTRY_BYTES) {
    const tag = Number(dynamic.bytes.readBigInt64LE(at));
    const value = Number(dynamic.bytes.readBigUInt64LE(at + 8));
    if (tag === DT_NEEDED) needed.push(cString(strings.bytes, value));
    if (tag === DT_SONAME) soname = cString(strings.bytes, value);
  }
  return { soname, needed };
}
