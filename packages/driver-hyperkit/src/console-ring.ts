import type { Host } from "@mk/core";

const POLL_MS = 100;

/**
 * HyperKit's console log is a file of fixed size that it maps into its memory and uses as a ring: zeros at first, then
 * overwritten from the beginning. No file event tells of writes to mapped memory, so it is read again and again.
 */
export class RingReader {
  #seen: Uint8Array = new Uint8Array();
  #next = 0;
  /** Whether the next byte is known to be written at `#next`: a ring that was full at the first look does not tell. */
  #isPlaced = true;

  /** The bytes that were written since the last call. Those that were written and overwritten in between are lost. */
  read(ring: Uint8Array): Uint8Array {
    if (ring.length !== this.#seen.length) {
      this.#seen = new Uint8Array(ring.length);
      this.#next = 0;
      this.#isPlaced = (ring.at(-1) ?? 0) === 0;
    } else if (!this.#isPlaced) {
      const begin = beginOfNews(this.#seen, ring);
      this.#isPlaced = begin !== undefined;
      this.#next = begin ?? 0;
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

const LINE_FEED = 10;

/**
 * Where the first line begins that was written between two looks at a ring: what was written is all but the longest run of bytes that
 * stayed, and a line that it ends may have begun before. Undefined when nothing was written.
 */
function beginOfNews(before: Uint8Array, now: Uint8Array): number | undefined {
  const { length } = now;
  const changed = [...now.keys()].filter((at) => now[at] !== before[at]);
  let begin: number | undefined;
  let stayed = -1;
  for (const [index, at] of changed.entries()) {
    const run = (at - (changed.at(index - 1) ?? at) + length) % length || length;
    if (run > stayed) [begin, stayed] = [at, run];
  }
  if (begin === undefined) return undefined;
  for (; stayed > 0 && now[(begin + length - 1) % length] !== LINE_FEED; stayed--)
    begin = (begin + length - 1) % length;
  return begin;
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
