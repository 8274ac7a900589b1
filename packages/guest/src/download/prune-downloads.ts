import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

const UNUSED_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Removes downloads, partial ones too, that no build used for 30 days; `used` are the digests of this build. Debian drops old versions from
 * its mirrors, so what is old is most likely of no use to the next build either.
 */
export async function pruneDownloads(directory: string, used: ReadonlySet<string>, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (used.has(name)) await utimes(path, now, now);
    else if (nowMs - ((await stat(path).catch(() => undefined))?.mtimeMs ?? nowMs) > UNUSED_MS)
      await rm(path, { force: true });
  }
}
