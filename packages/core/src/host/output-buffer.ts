/** Keeps the first bytes of a stream and drops the rest, so that a program that talks without end cannot fill the memory. */
export class OutputBuffer {
  readonly #chunks: Uint8Array[] = [];
  #left: number;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  add(chunk: Uint8Array): void {
    if (this.#left === 0) return;
    const kept = chunk.subarray(0, this.#left);
    this.#left -= kept.byteLength;
    this.#chunks.push(kept);
  }

  text(): string {
    return new TextDecoder().decode(Buffer.concat(this.#chunks));
  }
}
