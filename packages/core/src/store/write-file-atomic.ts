import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { failpoint } from "../failpoints/failpoint.js";
import { fileError } from "../host/file-error.js";

/**
 * Replaces a file: whatever happens, a reader and the next mk see the old contents or the new, whole. Mode 0600 unless given.
 * NO_SPACE, PERMISSION_DENIED or IO_FAILED name the path and leave the old file.
 */
export async function writeFileAtomic(path: string, contents: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.tmp-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await failpoint("store.write:before");
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(contents);
      await failpoint("store.write:after");
      await failpoint("store.sync:before");
      // Before the rename: ext4 and others may otherwise keep the new name with no contents across a power cut.
      await file.sync();
      await failpoint("store.sync:after");
    } finally {
      await file.close();
    }
    await failpoint("store.rename:before");
    await rename(temporary, path);
    await failpoint("store.rename:after");
    await failpoint("store.sync-directory:before");
    await syncDirectory(dirname(path));
    await failpoint("store.sync-directory:after");
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(error, "write", path);
  }
}

/** Whether a directory's entry is what a killed {@link writeFileAtomic} left. */
export function isTemporary(entry: string): boolean {
  return /\.tmp-\d+-[0-9a-f]{8}$/.test(entry);
}

/** Makes names that were added to or removed from a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; NTFS journals its metadata.
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
