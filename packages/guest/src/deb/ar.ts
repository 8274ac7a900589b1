import type { FileHandle } from "node:fs/promises";
import { MkError } from "@mk/core";

export interface ArMember {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const MAGIC = "!<arch>\n";
const HEADER_BYTES = 60;

/** Lists the members of a Unix ar archive as .deb files use it: short names only. INTEGRITY when it is none. Source: man 5 deb. */
export async function readArMembers(file: FileHandle, name: string): Promise<readonly ArMember[]> {
  const damaged = (): MkError => new MkError("INTEGRITY", `${name} is not a Debian package`);
  const { size } = await file.stat();
  const read = async (offset: number, length: number): Promise<string> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    if (bytesRead < length) throw damaged();
    return buffer.toString("latin1");
  };
  if ((await read(0, MAGIC.length)) !== MAGIC) throw damaged();
  const members: ArMember[] = [];
  let offset = MAGIC.length;
  while (offset + HEADER_BYTES <= size) {
    const header = await read(offset, HEADER_BYTES);
    const memberSize = Number(header.slice(48, 58));
    if (header.slice(58) !== "`\n" || !Number.isSafeInteger(memberSize) || memberSize < 0) throw damaged();
    offset += HEADER_BYTES;
    if (offset + memberSize > size) throw damaged();
    members.push({ name: header.slice(0, 16).trim().replace(/\/$/, ""), offset, size: memberSize });
    offset += memberSize + (memberSize % 2);
  }
  return members;
}
