import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MkError } from "@mk/core";
import { type Extract, extract } from "tar-stream";
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
  if (member === undefined || member.size === 0) throw new MkError("INTEGRITY", `${name} holds no data.`);
  return member;
}

function openData(path: string, name: string, member: ArMember, xz: XzThreads, signal: AbortSignal): Readable {
  const part = { start: member.offset, end: member.offset + member.size - 1, highWaterMark: CHUNK_BYTES, signal };
  switch (member.name) {
    case "data.tar.xz":
      return Readable.from(xz.stream({ path, offset: member.offset, size: member.size }, signal), {
        objectMode: false,
        highWaterMark: CHUNK_BYTES,
      });
    case "data.tar.gz":
      return pipeline(createReadStream(path, part), createGunzip(), () => undefined);
    case "data.tar":
      return createReadStream(path, part);
    default:
      throw new MkError("INTEGRITY", `${name} is packed in a way mk does not know: ${member.name}.`);
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
  const archive = openData(path, name, await findData(path, name), xz, signal);
  const entries = extract();
  archive.on("error", (error) => entries.destroy(error));
  archive.pipe(entries);
  try {
    yield* checkedEntries(entries, name);
  } finally {
    // Whoever stops in the middle ends the reading and the decompression behind it.
    archive.destroy();
  }
}

async function* checkedEntries(entries: Extract, name: string): AsyncGenerator<DataEntry> {
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
