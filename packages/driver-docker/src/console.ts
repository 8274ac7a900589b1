import type { Container } from "./container.js";
import type { Engine } from "./engine.js";

/**
 * What the container wrote since its last start, then live until it ends or the signal aborts. The engine keeps the logs of all starts.
 * They are cut at the end of the run before the last: the time of a start is noted only after the container has begun to write.
 */
export async function* readConsole(
  engine: Engine,
  container: Container,
  lastEnd: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const stream = await engine.stream(
      {
        method: "GET",
        path: ["containers", container.id, "logs"],
        query: { stdout: true, stderr: true, follow: true, since: sinceOf(lastEnd) },
      },
      signal,
    );
    const onAbort = (): void => void stream.destroy();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      signal.throwIfAborted();
      yield* stream as AsyncIterable<Uint8Array>;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** RFC 3339 to the `<seconds>.<nanoseconds>` of the logs call: JavaScript's dates end at milliseconds. */
export function sinceOf(time: string): string {
  const milliseconds = Date.parse(time);
  // Never ended: the year 1. Also whatever an engine may send that is no time.
  if (!(milliseconds > 0)) return "0";
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? "";
  return `${Math.floor(milliseconds / 1000)}.${fraction.padEnd(9, "0")}`;
}
