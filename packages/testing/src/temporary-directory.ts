import { chmod, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryDirectory extends AsyncDisposable {
  /** Absolute, without symlinks. */
  readonly path: string;
  /** The path of something below it. */
  join(...parts: readonly string[]): string;
}

/** A directory of the test's own, removed with all that is in it, read-only directories too. The name is short: sockets go in it. */
export async function temporaryDirectory(prefix = "mk-"): Promise<TemporaryDirectory> {
  const path = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  return {
    path,
    join: (...parts) => join(path, ...parts),
    async [Symbol.asyncDispose]() {
      await makeRemovable(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A test may leave directories that even their owner cannot list. */
async function makeRemovable(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeRemovable(join(directory, entry.name));
  }
}
