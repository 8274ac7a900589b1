import type { Writable } from "node:stream";
import { MkError } from "@mk/core";

type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/**
 * Standard output or error that a command can write to without care for who reads. A reader that goes away (`mk list | head -1`) ends the
 * writing, not the command; a full disk is remembered and told at the end, after the command's work is done.
 */
export class Output {
  readonly isTerminal: boolean;
  readonly #stream: Stream;
  readonly #closed = new AbortController();
  #failure: NodeJS.ErrnoException | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // EIO: the terminal is gone.
      if (!["EPIPE", "EIO", "ERR_STREAM_DESTROYED"].includes(error.code ?? "")) this.#failure ??= error;
      this.#closed.abort(new MkError("CANCELLED", "nobody reads the output any more"));
    });
  }

  /** Aborts when nothing more can be written: commands that only write stop then. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  get columns(): number {
    // Terminals that were never given a size say 0.
    return this.#stream.columns || 80;
  }

  /** Where lines are broken: a terminal would break them in the midst of words, a file or a program gets them whole. */
  get lineWidth(): number {
    return this.isTerminal ? this.columns : Number.POSITIVE_INFINITY;
  }

  /** The stream itself, for programs' output. Its errors are handled. */
  get stream(): Writable {
    return this.#stream;
  }

  write(text: string | Uint8Array): void {
    if (!this.closed.aborted) this.#stream.write(text);
  }

  line(text = ""): void {
    this.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, undefined, 2));
  }

  /** Resolves when everything was handed to the system. IO_FAILED or NO_SPACE when some of it could not be. */
  async flush(): Promise<void> {
    if (!this.closed.aborted) await new Promise<void>((resolve) => this.#stream.write("", () => resolve()));
    // The error event comes after the write's callback.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#failure === undefined) return;
    const code = this.#failure.code === "ENOSPC" ? "NO_SPACE" : "IO_FAILED";
    throw new MkError(code, `the output could not be written: ${this.#failure.message}`, {
      hint: "Write it to a place with free space.",
      cause: this.#failure,
    });
  }
}
