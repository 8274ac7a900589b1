import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf, onPath } from "./file-error.js";

const TEMPORARY = /^\.mk-(\d+)-[0-9a-f]{12}\.tmp$/;

export interface Replacement {
  readonly mode: number;
  readonly platform: NodeJS.Platform;
  /** Makes the temporary file, which must not exist. Default: an empty one. */
  readonly create?: (temporary: string) => Promise<FileHandle>;
  readonly fill: (file: FileHandle) => Promise<void>;
  /** Called before and after each step, as `rename:before`: where tests make it fail. */
  readonly failpoint?: (name: string) => Promise<void> | undefined;
}

/**
 * Replaces a file: after a crash at any moment it has its old contents or its new ones, whole. The new file has exactly this mode from
 * the moment it has its name, whatever the umask. Errors name `path`.
 */
export async function replaceFile(
  path: string,
  { mode, platform, create = createExclusive, fill, failpoint }: Replacement,
): Promise<void> {
  const directory = dirname(path);
  const temporary = temporaryIn(directory);
  await onPath("write", path, async () => {
    await failpoint?.("write:before");
    const file = await create(temporary);
    try {
      try {
        await fill(file);
        if (platform !== "win32") await file.chmod(mode);
        await failpoint?.("write:after");
        await failpoint?.("sync:before");
        // Before the rename: ext4 and others may otherwise keep the new name with no contents across a power cut.
        await file.sync();
        await failpoint?.("sync:after");
      } finally {
        await file.close();
      }
      await failpoint?.("rename:before");
      await rename(temporary, path);
    } catch (error) {
      // The failure that matters is the first one: a leftover temporary file has no meaning to anyone.
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await failpoint?.("rename:after");
    await failpoint?.("sync-directory:before");
    await syncDirectory(directory, platform);
    await failpoint?.("sync-directory:after");
  });
}

/**
 * A name that nothing has, for a file that will get its own when it is whole. Short and of almost fixed length: a name close to the limit of
 * 255 bytes must not fail for its temporary sibling.
 */
export function temporaryIn(directory: string): string {
  return join(directory, `.mk-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
}

/** Whether a directory's entry is such a file. */
export function isTemporary(entry: string): boolean {
  return TEMPORARY.test(entry);
}

/** Removes from a directory the temporary files of processes that are gone. What cannot be removed stands in nobody's way. */
export async function removeTemporaries(directory: string): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  for (const entry of entries) {
    const pid = TEMPORARY.exec(entry)?.[1];
    if (pid !== undefined && isGone(Number(pid))) {
      await rm(join(directory, entry), { force: true }).catch(() => undefined);
    }
  }
}

/** By its pid alone: what another process has in the meantime is kept for longer, which harms nobody. */
function isGone(pid: number): boolean {
  try {
    // Signal 0 asks, and does nothing.
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === "ESRCH";
  }
}

/** Opens a file that must not exist, readable by its owner alone. */
export function createExclusive(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
}

/** Makes names that were added to or removed from a directory survive a power cut. */
export async function syncDirectory(directory: string, platform: NodeJS.Platform): Promise<void> {
  // Windows cannot open directories; NTFS journals its metadata.
  if (platform === "win32") return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
