/** A timer that is this late was not waited for: the process was stopped (Ctrl-Z), and so were the programs it waits for. */
const LATE_MS = 2_000;
/** Node takes a longer delay, also one without end, for 1 ms. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** A timer that can be begun anew or given up. */
export interface Timer {
  restart(): void;
  cancel(): void;
}

/** Calls `expire` after so long in which this process could run. */
export function createTimer(ms: number, expire: () => void): Timer {
  let timer: NodeJS.Timeout | undefined;
  const wait = (leftMs: number): void => {
    const delayMs = Math.min(leftMs, LONGEST_DELAY_MS);
    const dueAt = performance.now() + delayMs;
    timer = setTimeout(() => {
      if (performance.now() - dueAt > LATE_MS) wait(leftMs);
      else if (leftMs > delayMs) wait(leftMs - delayMs);
      else expire();
    }, delayMs);
  };
  wait(ms);
  return {
    restart() {
      clearTimeout(timer);
      wait(ms);
    },
    cancel: () => clearTimeout(timer),
  };
}

/**
 * A signal that aborts after so long in which this process could run, with a TimeoutError, unless it is disposed before. Unlike that of
 * `AbortSignal.timeout` it keeps the process alive: who waits for a promise that nobody will ever settle must live to say so.
 */
export function timeLimit(ms: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = createTimer(ms, () => controller.abort(new DOMException(`${ms / 1000} s have passed`, "TimeoutError")));
  return { signal: controller.signal, [Symbol.dispose]: () => timer.cancel() };
}
