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
  const changes = new Changes(signal);
  let position = offset;
  let file: FileHandle | undefined;
  // Whether the name leads to the file that is held. Else the directory is watched, which wakes us for each of its files, at every write
  // to a disk image beside the log.
  let isNamed = false;
  try {
    while (!signal.aborted) {
      // Armed before looking: what happens between the look and the wait is then never missed.
      const changed = changes.next(isNamed ? path : dirname(path));
      file ??= await openIfPresent(path);
      const named = file === undefined ? "nothing" : await whatIsNamed(path, file);
      if (named === "another") {
        await file?.close();
        file = undefined;
        position = 0;
      }
      if ((named === "same") !== isNamed || named === "another") {
        isNamed = named === "same";
        continue;
      }
      if (file !== undefined) {
        if ((await file.stat()).size < position) position = 0;
        while (!signal.aborted) {
          const chunk = new Uint8Array(CHUNK_BYTES);
          const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
          if (bytesRead === 0) break;
          position += bytesRead;
          yield chunk.subarray(0, bytesRead);
        }
      }
      await changed;
    }
  } catch (error) {
    if (!signal.aborted) throw fileError(error, "read", path);
  } finally {
    changes.close();
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

/** A file that has lost its name may still be written to by its owner, and is read on. */
async function whatIsNamed(path: string, held: FileHandle): Promise<"same" | "another" | "nothing"> {
  try {
    const [named, own] = await Promise.all([stat(path), held.stat()]);
    return named.ino === own.ino && named.dev === own.dev ? "same" : "another";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "nothing";
    throw error;
  }
}

/** Wakes its one waiter at each change of what is watched. */
class Changes {
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#wake();
  #target: string | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  /** Resolves at the next change of a file, or in a directory. */
  next(target: string): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#target !== target) this.#watch(target);
    if (this.#signal.aborted) this.#wake();
    return woken;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stop();
  }

  #watch(target: string): void {
    this.#stop();
    this.#target = target;
    const poll = (): void => {
      this.#timer ??= setInterval(() => this.#wake(), POLL_MS);
    };
    try {
      this.#watcher = watch(target, () => this.#wake());
      this.#watcher.on("error", poll);
    } catch {
      // Also when it has just vanished: the look that follows finds out, and watches its directory.
      poll();
    }
  }

  #stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
