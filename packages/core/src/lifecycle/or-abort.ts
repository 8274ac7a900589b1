/**
 * The result of `work`, or the signal's reason `graceMs` after it aborted: code that ignores its signal must not hold up a command for
 * ever. What it was doing goes on unseen.
 */
export async function orAbort<T>(signal: AbortSignal, graceMs: number, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(signal.reason), graceMs);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }
}
