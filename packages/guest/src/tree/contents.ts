import { type FileHandle, open } from "node:fs/promises";

/** The bytes of a file in the tree: small ones in memory, large ones in a spool file. */
export type Contents =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly size: number }
  | { readonly kind: "spooled"; readonly file: FileHandle; readonly offset: number; readonly size: number };

export function bytesContents(bytes: Uint8Array | string): Contents {
  const buffer = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  return { kind: "bytes", bytes: buffer, size: buffer.length };
}

const CHUNK_BYTES = 1 << 20;

/** The bytes of a file, in pieces of at most 1 MiB. */
export async function* readContents(contents: Contents): AsyncGenerator<Uint8Array> {
  if (contents.kind === "bytes") {
    if (contents.size > 0) yield contents.bytes;
    return;
  }
  for (let done = 0; done < contents.size; ) {
    const length = Math.min(CHUNK_BYTES, contents.size - done);
    const { buffer, bytesRead } = await contents.file.read(
      Buffer.allocUnsafe(length),
      0,
      length,
      contents.offset + done,
    );
    if (bytesRead === 0) throw new Error("the spool file is shorter than what was written to it");
    yield buffer.subarray(0, bytesRead);
    done += bytesRead;
  }
}

/** Some bytes of a file, fewer at its end. */
export async function readRange(contents: Contents, offset: number, length: number): Promise<Buffer> {
  const wanted = Math.max(0, Math.min(length, contents.size - offset));
  if (contents.kind === "bytes") return Buffer.from(contents.bytes.subarray(offset, offset + wanted));
  const { buffer, bytesRead } = await contents.file.read(
    Buffer.allocUnsafe(wanted),
    0,
    wanted,
    contents.offset + offset,
  );
  return buffer.subarray(0, bytesRead);
}

export const readAll = (contents: Contents): Promise<Buffer> => readRange(contents, 0, contents.size);

/** Files up to this size stay in memory. */
const MEMORY_BYTES = 16 * 1024;

/** A file that takes the contents of large files, so that a tree of 300 MB needs little memory. */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle;
  #size = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<Spool> {
    return new Spool(await open(path, "wx+", 0o600));
  }

  /** Takes a body of known size; several may be under way at once. */
  async add(body: AsyncIterable<Uint8Array>, size: number): Promise<Contents> {
    if (size <= MEMORY_BYTES) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      return bytesContents(Buffer.concat(chunks));
    }
    const offset = this.#size;
    this.#size += size;
    let written = 0;
    for await (const chunk of body) {
      await this.#file.write(chunk, 0, Math.min(chunk.length, size - written), offset + written);
      written += chunk.length;
    }
    if (written !== size) throw new Error(`the body has ${written} bytes instead of ${size}`);
    return { kind: "spooled", file: this.#file, offset, size };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }
}
