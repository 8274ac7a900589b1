/**
 * Settles as the promise does, or rejects with the signal's reason `graceMs` after it aborted: what ignores its signal must not hold up who
 * waits for it. What it was doing then goes on unseen. A plain value, as a driver without types may answer, is taken as it is.
 */
export function raceAbort<T>(promise: T | PromiseLike<T>, signal: AbortSignal, graceMs = 0): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      if (graceMs === 0) reject(signal.reason);
      else timer = setTimeout(() => reject(signal.reason), graceMs);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // Heard even where the signal aborted before: else its rejection would be an unhandled one.
    void Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => {
        signal.removeEventListener("abort", onAbort);
        clearTimeout(timer);
      });
  });
}
