import { failpoint } from "../failpoints/failpoint.js";
import { replaceFile } from "../host/atomic-write.js";

/**
 * Replaces a file of the store: whatever happens, a reader and the next mk see the old contents or the new, whole. Mode 0600. NO_SPACE,
 * PERMISSION_DENIED or IO_FAILED name the path and leave the old file.
 */
export async function writeFileAtomic(path: string, contents: string): Promise<void> {
  await replaceFile(path, {
    mode: 0o600,
    platform: process.platform,
    fill: (file) => file.writeFile(contents),
    failpoint: (name) => failpoint(`store.${name}`),
  });
}
