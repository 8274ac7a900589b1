import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onPath } from "./file-error.js";

export interface Replacement {
  readonly mode: number;
  readonly platform: NodeJS.Platform;
  /** Makes the temporary file, which must not exist. Default: an empty one. */
  readonly create?: (temporary: string) => Promise<FileHandle>;
  readonly fill: (file: FileHandle) => Promise<void>;
}

/**
 * Replaces a file: after a crash at any moment it has its old contents or its new ones, whole. The new file has exactly this mode from
 * the moment it has its name, whatever the umask. Errors name `path`.
 */
export async function replaceFile(
  path: string,
  { mode, platform, create = createExclusive, fill }: Replacement,
): Promise<void> {
  const directory = dirname(path);
  // Short and of fixed length: a name close to the limit of 255 bytes must not fail for its temporary sibling.
  const temporary = join(directory, `.mk-${randomBytes(6).toString("hex")}.tmp`);
  await onPath("write", path, async () => {
    const file = await create(temporary);
    try {
      try {
        await fill(file);
        if (platform !== "win32") await file.chmod(mode);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      // The failure that matters is the first one: a leftover temporary file has no meaning to anyone.
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncDirectory(directory, platform);
  });
}

/** Opens a file that must not exist, readable by its owner alone. */
export function createExclusive(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
}

/** Makes a rename in this directory survive a power cut. */
export async function syncDirectory(directory: string, platform: NodeJS.Platform): Promise<void> {
  // Windows cannot open directories; NTFS journals the rename itself.
  if (platform === "win32") return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
