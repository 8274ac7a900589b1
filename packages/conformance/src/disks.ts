import type { Bench } from "./bench.js";

/** What is smaller is no disk: a driver may write its notes, keys and scripts anew. */
const DISK_BYTES = 64 * 1024;
const MARK = Buffer.from("the user's data");

/**
 * Writes a mark into the middle of each disk in the directory of a machine that is off, on a scripted host. The answer lists those disks
 * whose mark is gone.
 */
export async function markDisks({ scripted, directory }: Bench): Promise<() => Promise<readonly string[]>> {
  const { files } = scripted;
  const marks: { readonly path: string; readonly offset: number }[] = [];
  for (const [path] of [...files.entries()]) {
    const { kind, size = 0 } = (await files.stat(path)) ?? {};
    if (kind !== "file" || size < DISK_BYTES || !path.startsWith(`${directory}/`)) continue;
    const offset = Math.floor(size / 2);
    await files.patch(path, offset, MARK);
    marks.push({ path, offset });
  }
  return async () => {
    const lost: string[] = [];
    for (const { path, offset } of marks) {
      const found = await files.readBytes(path, { offset, length: MARK.length });
      if (found === undefined || !MARK.equals(found)) lost.push(path);
    }
    return lost;
  };
}
