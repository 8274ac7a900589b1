import type { Host } from "@mk/core";

/** A signal that aborts with `signal`, or when so long has passed by the host's clock; that wait ends when it is disposed. */
export function timeLimit(host: Host, ms: number, signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const over = new AbortController();
  const disposed = new AbortController();
  host.delay(ms, AbortSignal.any([signal, disposed.signal])).then(
    () => over.abort(new DOMException(`${ms / 1000} s have passed`, "TimeoutError")),
    () => undefined,
  );
  return { signal: AbortSignal.any([signal, over.signal]), [Symbol.dispose]: () => disposed.abort() };
}
