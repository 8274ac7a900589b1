import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MkError } from "@mk/core";
import { extract } from "tar-stream";
import { type ArMember, readArMembers } from "./ar.js";
import { unxzStream } from "./unxz.js";

/** One entry of a package's data archive. Paths are absolute in the guest. */
export type DataEntry = { readonly path: string; readonly mode: number; readonly uid: number; readonly gid: number } & (
  | { readonly type: "file"; readonly size: number; readonly body: AsyncIterable<Uint8Array> }
  | { readonly type: "directory" }
  | { readonly type: "symlink"; readonly target: string }
  | { readonly type: "link"; readonly target: string }
);

const MAX_ENTRIES = 200_000;
const MAX_BYTES = 2 * 1024 ** 3;

/** `./usr/bin/x` to `/usr/bin/x`; undefined for anything that could point elsewhere. */
function absolutePath(name: string): string | undefined {
  if (name.startsWith("/") || name.includes("\0") || name.includes("\\")) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : `/${parts.join("/")}`;
}

function decompress(name: string, memberName: string, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (memberName) {
    case "data.tar.xz":
      return unxzStream(source);
    case "data.tar.gz":
      return Readable.from(source).pipe(createGunzip());
    case "data.tar":
      return source;
    default:
      throw new MkError("INTEGRITY", `${name} is packed in a way mk does not know: ${memberName}.`);
  }
}

const CHUNK_BYTES = 1 << 18;

async function* readRange(file: FileHandle, member: ArMember, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const end = member.offset + member.size;
  for (let offset = member.offset; offset < end; offset += CHUNK_BYTES) {
    signal.throwIfAborted();
    const length = Math.min(CHUNK_BYTES, end - offset);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Reads the files of a .deb in their order, as data only: maintainer scripts are never looked at. A body must be read, or the entry
 * skipped, before the next is asked for. INTEGRITY for damaged packages and for entries that would lie outside the root, are devices, or
 * are too many or too large.
 */
export async function* readDataEntries(path: string, name: string, signal: AbortSignal): AsyncGenerator<DataEntry> {
  await using file = await open(path, "r");
  const member = (await readArMembers(file, name)).find((found) => found.name.startsWith("data.tar"));
  if (member === undefined) throw new MkError("INTEGRITY", `${name} holds no data.`);
  const raw = readRange(file, member, signal);
  const archive = Readable.from(decompress(name, member.name, raw), { objectMode: false, highWaterMark: CHUNK_BYTES });
  const entries = extract();
  archive.on("error", (error) => entries.destroy(error));
  archive.pipe(entries);
  let count = 0;
  let bytes = 0;
  for await (const entry of entries) {
    const { header } = entry;
    const refuse = (why: string): MkError => new MkError("INTEGRITY", `${name} has an entry "${header.name}" ${why}.`);
    bytes += header.size ?? 0;
    if (++count > MAX_ENTRIES || bytes > MAX_BYTES) throw refuse("beyond all bounds");
    const target = absolutePath(header.name);
    if (target === undefined) throw refuse("outside the root");
    const common = { path: target, mode: (header.mode ?? 0) & 0o7777, uid: header.uid ?? 0, gid: header.gid ?? 0 };
    if (header.type === "file" || header.type === "contiguous-file") {
      yield { ...common, type: "file", size: header.size ?? 0, body: entry as AsyncIterable<Uint8Array> };
    } else if (header.type === "directory") {
      yield { ...common, type: "directory" };
    } else if (header.type === "symlink") {
      yield { ...common, type: "symlink", target: header.linkname ?? "" };
    } else if (header.type === "link") {
      const linked = absolutePath(header.linkname ?? "..");
      if (linked === undefined) throw refuse("that links outside the root");
      yield { ...common, type: "link", target: linked };
    } else throw refuse(`of type ${header.type}`);
    entry.resume();
  }
}
