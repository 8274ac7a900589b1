import { setTimeout as sleep } from "node:timers/promises";

const INTERVAL_MS = 10;

/**
 * Waits until the condition holds and answers its value: for what has no event that a test could wait for, such as another process'
 * state. An empty text does not hold: it is of a file that was opened and is yet to be written. Rejects, naming what was awaited, when the
 * signal aborts.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  signal: AbortSignal = AbortSignal.timeout(20_000),
): Promise<NonNullable<Exclude<T, false | "">>> {
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false && value !== "") {
      return value as NonNullable<Exclude<T, false | "">>;
    }
    if (signal.aborted) throw new Error(`waited in vain until ${what}`, { cause: signal.reason });
    await sleep(INTERVAL_MS);
  }
}
