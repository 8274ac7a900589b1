import { setTimeout as delay } from "node:timers/promises";

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Attempts in all. */
  readonly attempts: number;
  /** Upper bound of the first pause; it doubles from attempt to attempt up to `maxDelayMs`. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** Whether this failure may be a passing one. */
  readonly transient: (error: unknown) => boolean;
}

/**
 * Runs `work` until it succeeds, with full jitter between attempts so that many clients of a mirror that came back do not arrive at once.
 * Rejects with the last error, or with the signal's reason.
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      options.signal.throwIfAborted();
      if (attempt + 1 >= options.attempts || !options.transient(error)) throw error;
      const ceilingMs = Math.min(options.maxDelayMs, options.baseDelayMs * 2 ** attempt);
      await delay(Math.random() * ceilingMs, undefined, { signal: options.signal }).catch(() => {
        throw options.signal.reason;
      });
    }
  }
}
