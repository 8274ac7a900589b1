import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, fileError } from "./file-error.js";

const CHUNK_BYTES = 64 * 1024;
/** Only where the system has no events to give: no inotify watches left, or a file system without them. */
const POLL_MS = 250;

/**
 * The bytes of a growing file, then what is appended, until the signal aborts. A file that shrinks or is replaced, as a log is when a
 * program starts anew, goes on from its new beginning.
 */
export async function* follow(
  path: string,
  { offset = 0, signal }: { readonly offset?: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = offset;
  let file: FileHandle | undefined;
  await using changes = new Changes(path, signal);
  try {
    while (!signal.aborted) {
      // Armed before reading: what is appended between the read and the wait is then never missed.
      const changed = changes.next(file !== undefined);
      if (file !== undefined && (await isReplaced(path, file))) {
        await file.close();
        file = undefined;
        position = 0;
      }
      if (file === undefined) {
        file = await openIfPresent(path);
        // The watch of the directory is now one too wide: a disk image beside the log would wake us at each of its writes.
        if (file !== undefined) continue;
      }
      if (file !== undefined) {
        if ((await file.stat()).size < position) position = 0;
        let bytesRead: number;
        do {
          const chunk = new Uint8Array(CHUNK_BYTES);
          ({ bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position));
          position += bytesRead;
          if (bytesRead > 0) yield chunk.subarray(0, bytesRead);
        } while (bytesRead > 0 && !signal.aborted);
      }
      await changed;
    }
  } catch (error) {
    if (!signal.aborted) throw fileError(error, "read", path);
  } finally {
    await file?.close();
  }
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function isReplaced(path: string, file: FileHandle): Promise<boolean> {
  try {
    const [named, held] = await Promise.all([stat(path), file.stat()]);
    return named.ino !== held.ino || named.dev !== held.dev;
  } catch (error) {
    // A removed file may still be written to by its owner: keep reading the one that is held.
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Wakes its one waiter at each change of the file, or of its directory while the file does not exist. */
class Changes implements AsyncDisposable {
  readonly #path: string;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#wake();
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #onFile: boolean | undefined;
  #wake: () => void = () => undefined;

  constructor(path: string, signal: AbortSignal) {
    this.#path = path;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  next(exists: boolean): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#onFile !== exists) {
      this.#onFile = exists;
      this.#close();
      this.#watch(exists ? this.#path : dirname(this.#path));
    }
    if (this.#signal.aborted) this.#wake();
    return woken;
  }

  #watch(target: string): void {
    const poll = (): void => {
      this.#timer ??= setInterval(() => this.#wake(), POLL_MS);
    };
    try {
      const watcher = watch(target, (event) => {
        // A renamed or removed file leaves its watch on the old inode: look again by name.
        if (event === "rename" && this.#onFile) this.#onFile = undefined;
        this.#wake();
      });
      watcher.on("error", poll);
      this.#watchers.push(watcher);
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && this.#onFile) {
        // The file is held but has lost its name: see when another takes it.
        this.#onFile = undefined;
        this.#watch(dirname(this.#path));
      } else {
        poll();
      }
    }
  }

  #close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#close();
  }
}
