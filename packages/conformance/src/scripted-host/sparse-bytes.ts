const PAGE_BYTES = 64 * 1024;

/** The contents of a file: only pages that were written take memory, so a disk of 20 GiB costs nothing. */
export class SparseBytes {
  readonly #pages = new Map<number, Uint8Array>();
  #size = 0;

  static from(contents: string | Uint8Array): SparseBytes {
    const bytes = new SparseBytes();
    bytes.write(0, typeof contents === "string" ? Buffer.from(contents) : contents);
    return bytes;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the pages in use. */
  get allocated(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  grow(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  write(offset: number, contents: Uint8Array): void {
    for (let done = 0; done < contents.length; ) {
      const at = offset + done;
      const inPage = at % PAGE_BYTES;
      const part = contents.subarray(done, done + PAGE_BYTES - inPage);
      this.#page(Math.floor(at / PAGE_BYTES)).set(part, inPage);
      done += part.length;
    }
    this.grow(offset + contents.length);
  }

  read(offset = 0, length = this.#size - offset): Uint8Array {
    const end = Math.min(offset + length, this.#size);
    const out = new Uint8Array(Math.max(0, end - offset));
    for (let at = offset; at < end; ) {
      const inPage = at % PAGE_BYTES;
      const take = Math.min(PAGE_BYTES - inPage, end - at);
      const page = this.#pages.get(Math.floor(at / PAGE_BYTES));
      if (page !== undefined) out.set(page.subarray(inPage, inPage + take), at - offset);
      at += take;
    }
    return out;
  }

  clone(): SparseBytes {
    const copy = new SparseBytes();
    for (const [index, page] of this.#pages) copy.#pages.set(index, page.slice());
    copy.#size = this.#size;
    return copy;
  }

  #page(index: number): Uint8Array {
    const page = this.#pages.get(index) ?? new Uint8Array(PAGE_BYTES);
    this.#pages.set(index, page);
    return page;
  }
}
