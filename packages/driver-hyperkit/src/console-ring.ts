import type { Host } from "@mk/core";

const POLL_MS = 250;

/**
 * HyperKit's console log is a file of fixed size that it maps into its memory and uses as a ring: zeros at first, then
 * overwritten from the beginning. No file event tells of writes to mapped memory, so it is read again and again.
 */
export class RingReader {
  #seen: Uint8Array = new Uint8Array();
  #next = 0;

  /** The bytes that were written since the last call. Those that were written and overwritten in between are lost. */
  read(ring: Uint8Array): Uint8Array {
    if (ring.length !== this.#seen.length) {
      this.#seen = new Uint8Array(ring.length);
      this.#next = 0;
    }
    // Everything up to the last place that differs is new, also what happens to equal the byte it replaced.
    let count = 0;
    for (let ahead = ring.length; ahead > 0 && count === 0; ahead--) {
      const at = (this.#next + ahead - 1) % ring.length;
      if (ring[at] !== this.#seen[at]) count = ahead;
    }
    const fresh = Uint8Array.from({ length: count }, (_, index) => ring[(this.#next + index) % ring.length]!);
    this.#next = ring.length === 0 ? 0 : (this.#next + count) % ring.length;
    this.#seen = ring.slice();
    return fresh;
  }
}

/** What a ring holds that has not been overwritten yet, as text. */
export function ringText(ring: Uint8Array): string {
  return Buffer.from(new RingReader().read(ring)).toString("latin1");
}

/** The console since HyperKit's last start, then live until the signal aborts. */
export async function* followRing(host: Host, path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const reader = new RingReader();
  while (!signal.aborted) {
    const ring = await host.files.readBytes(path);
    const fresh = reader.read(ring ?? new Uint8Array());
    if (fresh.length > 0) yield fresh;
    else await host.delay(POLL_MS, signal).catch(() => {});
  }
}
