import { on } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { MkError } from "@mk/core";
import { unxzThread } from "../assets.js";

/** What is compressed: bytes, or a part of a file. */
export type XzSource =
  | { readonly bytes: Uint8Array }
  | { readonly path: string; readonly offset: number; readonly size: number };

type Answer = { readonly piece: Uint8Array } | { readonly end: true } | { readonly failure: string };

/** More would hold more memory than they save time. */
const MOST_THREADS = 4;

/**
 * Decompresses xz, by WebAssembly, in threads of their own: it is nine tenths of what a build computes. Threads are started when there is
 * work for them and kept for the next; they end when this is disposed of.
 */
export class XzThreads implements AsyncDisposable {
  readonly #limit = Math.min(availableParallelism(), MOST_THREADS);
  readonly #threads = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #waiting: (() => void)[] = [];

  /** The decompressed bytes, in pieces. INTEGRITY when the source is damaged. Waits while all threads are busy. */
  async *stream(source: XzSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const thread = await this.#take(signal);
    let isReusable = false;
    try {
      thread.postMessage(source);
      for await (const [answer] of on(thread, "message", { signal }) as AsyncIterable<[Answer]>) {
        if ("end" in answer) {
          isReusable = true;
          return;
        }
        if ("failure" in answer) {
          isReusable = true;
          throw new MkError("INTEGRITY", "data compressed by xz is damaged", { cause: new Error(answer.failure) });
        }
        yield answer.piece;
        thread.postMessage("taken");
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      // One that was left in the middle would go on with what nobody wants.
      await this.#give(thread, isReusable);
    }
  }

  /** All decompressed bytes, whose number is known. INTEGRITY when the source is damaged or has another size. */
  async bytes(source: XzSource, size: number, signal: AbortSignal): Promise<Buffer> {
    const result = Buffer.allocUnsafe(size);
    let offset = 0;
    for await (const piece of this.stream(source, signal)) {
      if (offset + piece.length > size)
        throw new MkError("INTEGRITY", `data compressed by xz is longer than ${size} bytes`);
      result.set(piece, offset);
      offset += piece.length;
    }
    if (offset !== size) throw new MkError("INTEGRITY", `data compressed by xz has ${offset} bytes instead of ${size}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }

  async #take(signal: AbortSignal): Promise<Worker> {
    while (this.#idle.length === 0 && this.#threads.size >= this.#limit) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (!signal.aborted) continue;
      // Its turn goes to the next in line.
      this.#waiting.shift()?.();
      throw signal.reason;
    }
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const thread = new Worker(unxzThread);
    // Whoever awaits its answers hears of a failure; one that dies idle only has to be forgotten.
    thread.on("error", () => undefined);
    this.#threads.add(thread);
    return thread;
  }

  async #give(thread: Worker, isReusable: boolean): Promise<void> {
    if (isReusable) this.#idle.push(thread);
    else {
      await thread.terminate();
      this.#threads.delete(thread);
    }
    this.#waiting.shift()?.();
  }
}
