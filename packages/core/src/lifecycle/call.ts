import { raceAbort } from "../abort/race-abort.js";
import { createTimer } from "../abort/time-limit.js";
import type { CallOptions } from "../api.js";
import { MkError } from "../errors.js";
import type { PhaseTiming } from "../events/event.js";
import { mapError } from "./map-error.js";

/** One call of the API: when it must end, and who hears of its phases. */
export interface Call {
  /** Aborts with the call's timeout too. */
  readonly signal: AbortSignal;
  /** As the caller gave it. */
  readonly timeoutMs?: number | undefined;
  readonly onPhase?: ((phase: PhaseTiming) => void) | undefined;
  /** Told of each step that switches the machine on or off, or removes it, when it begins: what was connected to it is so no longer. */
  readonly onPower?: (() => void) | undefined;
}

/** Runs an API call under the instance's signal, the caller's and the caller's timeout. Whatever it throws is an MkError or a TypeError. */
export async function runCall<T>(
  what: string,
  instance: AbortSignal,
  options: CallOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using limits = limitsOf(what, instance, options);
  const { signal } = limits;
  try {
    signal.throwIfAborted();
    return await work(signal);
  } catch (error) {
    // Wrong arguments from code stay what they are.
    if (error instanceof TypeError && !signal.aborted) throw error;
    throw mapError(error, { what, signal });
  }
}

/** The same for what is read piece by piece. What reads on in spite of its signal is not waited for. */
export async function* streamCall<T>(
  what: string,
  instance: AbortSignal,
  options: CallOptions,
  work: (signal: AbortSignal) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  using limits = limitsOf(what, instance, options);
  const { signal } = limits;
  const pieces = work(signal);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await raceAbort(pieces.next(), signal);
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw mapError(error, { what, signal });
  } finally {
    const ended = pieces.return(undefined);
    ended.catch(() => undefined);
    if (!signal.aborted) await ended;
  }
}

function limitsOf(
  what: string,
  instance: AbortSignal,
  { signal: caller, timeoutMs }: CallOptions,
): Disposable & { readonly signal: AbortSignal } {
  const timeout = new AbortController();
  const timer =
    timeoutMs === undefined
      ? undefined
      : createTimer(timeoutMs, () => {
          timeout.abort(
            new MkError("TIMED_OUT", `the ${what} took longer than ${timeoutMs / 1000} s`, {
              hint: "Give it more time.",
              details: { timeoutMs },
            }),
          );
        });
  const signals = [instance, timeout.signal, ...(caller === undefined ? [] : [caller])];
  return { signal: AbortSignal.any(signals), [Symbol.dispose]: () => timer?.cancel() };
}
