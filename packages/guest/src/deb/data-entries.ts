import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { ReadableStream, WritableStream } from "node:stream/web";
import { createGunzip } from "node:zlib";
import { MkError } from "@mk/core";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { type ArMember, readArMembers } from "./ar.js";
import type { XzThreads } from "./xz-threads.js";

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

const CHUNK_BYTES = 1 << 18;

/** The member that holds the files. INTEGRITY when there is none. */
async function findData(path: string, name: string): Promise<ArMember> {
  await using file = await open(path, "r");
  const member = (await readArMembers(file, name)).find((found) => found.name.startsWith("data.tar"));
  if (member === undefined || member.size === 0) throw new MkError("INTEGRITY", `${name} holds no data`);
  return member;
}

function openData(
  path: string,
  name: string,
  member: ArMember,
  xz: XzThreads,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const part = { start: member.offset, end: member.offset + member.size - 1, highWaterMark: CHUNK_BYTES, signal };
  switch (member.name) {
    case "data.tar.xz":
      return xz.stream({ path, offset: member.offset, size: member.size }, signal);
    case "data.tar.gz":
      return pipeline(createReadStream(path, part), createGunzip(), () => undefined);
    case "data.tar":
      return createReadStream(path, part);
    default:
      throw new MkError("INTEGRITY", `${name} is packed in a way mk does not know: ${member.name}`);
  }
}

/**
 * Reads the files of a .deb in their order, as data only: maintainer scripts are never looked at. A body must be read, or the entry
 * skipped, before the next is asked for. INTEGRITY for damaged packages and for entries that would lie outside the root, are devices, or
 * are too many or too large.
 */
export async function* readDataEntries(
  path: string,
  name: string,
  xz: XzThreads,
  signal: AbortSignal,
): AsyncGenerator<DataEntry> {
  const data = openData(path, name, await findData(path, name), xz, signal);
  const left = new AbortController();
  const entries = ReadableStream.from(data).pipeThrough(createTarDecoder({ strict: true }), { signal: left.signal });
  try {
    yield* checkedEntries(entries, name, signal);
  } finally {
    // Whoever stops in the middle ends the reading and the decompression behind it.
    left.abort();
  }
}

async function* checkedEntries(
  entries: AsyncIterable<ParsedTarEntry>,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<DataEntry> {
  let count = 0;
  let bytes = 0;
  for await (const { header, body } of orDamaged(entries, name, signal)) {
    const { size, mode = 0, uid = 0, gid = 0, type } = header;
    const refuse = (why: string): MkError => new MkError("INTEGRITY", `${name} has an entry "${header.name}" ${why}`);
    bytes += size;
    if (++count > MAX_ENTRIES || bytes > MAX_BYTES) throw refuse("beyond all bounds");
    const target = absolutePath(header.name);
    if (target === undefined) throw refuse("outside the root");
    const common = { path: target, mode: mode & 0o7777, uid, gid };
    if (type === "file") {
      // A body is never cancelled, what is left of it is read: modern-tar 0.8.6 would lose the next one, with which it may have begun.
      const pieces = { [Symbol.asyncIterator]: () => body.values({ preventCancel: true }) };
      yield { ...common, type, size, body: orDamaged(pieces, name, signal) };
      await body.pipeTo(new WritableStream());
    } else if (type === "directory") {
      yield { ...common, type };
    } else if (type === "symlink") {
      yield { ...common, type, target: header.linkname ?? "" };
    } else if (type === "link") {
      const linked = absolutePath(header.linkname ?? "..");
      if (linked === undefined) throw refuse("that links outside the root");
      yield { ...common, type, target: linked };
    } else throw refuse(`of type ${type}`);
  }
}

/** What the decoder gives. INTEGRITY for whatever it or the decompression finds wrong. */
async function* orDamaged<T>(items: AsyncIterable<T>, name: string, signal: AbortSignal): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof MkError ? cause : new MkError("INTEGRITY", `${name} is damaged`, { cause });
  }
}
