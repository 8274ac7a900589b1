import { constants } from "node:fs";
import { chmod, copyFile, type FileHandle, open } from "node:fs/promises";
import { createExclusive, replaceFile } from "./atomic-write.js";
import { onPath } from "./file-error.js";

const CHUNK_BYTES = 1024 * 1024;

/**
 * Copies a file, atomically, with mode 0600. Shares the blocks where the file system can; else holes stay holes, since a machine's disk
 * of 20 GiB may hold only a few MiB.
 */
export async function copySparse(from: string, to: string, platform: NodeJS.Platform): Promise<void> {
  await onPath("read", from, async () => {
    const source = await open(from, "r");
    let isCloned = false;
    try {
      await replaceFile(to, {
        mode: 0o600,
        platform,
        create: async (temporary) => {
          isCloned = await clone(from, temporary);
          return isCloned ? open(temporary, "r+") : createExclusive(temporary);
        },
        fill: async (target) => {
          if (!isCloned) await append(source, target, 0);
        },
      });
    } finally {
      await source.close();
    }
  });
}

/** Makes a copy that shares its blocks; false where the file system cannot. */
async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch {
    // Whatever kept it from being cloned will be told by the copy, if it is more than a lack of the ability.
    return false;
  }
  // A clone has its source's mode, which may not allow to open it for writing.
  await chmod(to, 0o600);
  return true;
}

/** Concatenates files (paths) and bytes into one file, atomically, with mode 0600. */
export async function concatFiles(
  to: string,
  parts: readonly (string | Uint8Array)[],
  platform: NodeJS.Platform,
): Promise<void> {
  await replaceFile(to, {
    mode: 0o600,
    platform,
    fill: async (target) => {
      let position = 0;
      for (const part of parts) {
        if (typeof part !== "string") {
          await writeAll(target, part, position);
          position += part.byteLength;
          continue;
        }
        position = await onPath("read", part, async () => {
          const source = await open(part, "r");
          try {
            return await append(source, target, position);
          } finally {
            await source.close();
          }
        });
      }
    },
  });
}

/** Writes all of `source` at `position` of `target` without its zeros; answers the new end. */
async function append(source: FileHandle, target: FileHandle, position: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const zeros = Buffer.alloc(CHUNK_BYTES);
  let end = position;
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, end - position);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    if (!chunk.equals(zeros.subarray(0, bytesRead))) await writeAll(target, chunk, end);
    end += bytesRead;
  }
  // Trailing zeros were not written: the size must be told.
  await target.truncate(end);
  return end;
}

/** A write may be short, for example at the edge of a quota: the next one then tells why. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const result = await file.write(bytes, written, bytes.byteLength - written, position + written);
    written += result.bytesWritten;
  }
}
