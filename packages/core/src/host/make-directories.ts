import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./file-error.js";

/**
 * Makes a directory and those above it that are missing, and answers the topmost that it made. Node's own `recursive` never ends where a
 * directory that is there refuses to have children with ENOENT, as /proc does.
 */
export async function makeDirectories(path: string, mode: number): Promise<string | undefined> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) !== "ENOENT" || parent === path) throw error;
    const first = await makeDirectories(parent, mode);
    const own = await makeOne(path, mode);
    return first ?? own;
  }
}

async function makeOne(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    // The errno for a directory that is there differs: a root on Windows or one of a read-only file system has others than EEXIST.
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() === true) return undefined;
    throw error;
  }
}
