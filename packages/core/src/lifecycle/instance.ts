import type { CallOptions } from "../api.js";
import { runCall } from "./call.js";

/** What one `createMk` does and holds open. */
export interface Instance {
  /** Aborts with the instance. */
  readonly signal: AbortSignal;
  /** Aborts once `signal` has and no call is left: what was begun is rolled back then. */
  readonly settled: AbortSignal;
  /** Runs a call of the API, as `runCall` does. */
  run<T>(what: string, options: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** The same for what was promised for its end: neither the caller's signal nor the instance's ends it. */
  finish<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** What is to be closed with the instance; who closes it before takes it out. */
  readonly open: Set<AsyncDisposable>;
  /** Ends all calls, closes all that is open, and waits until what was begun is rolled back. */
  end(reason: Error): Promise<void>;
}

export function createInstance(caller: AbortSignal | undefined): Instance {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, ...(caller === undefined ? [] : [caller])]);
  const open = new Set<AsyncDisposable>();
  const calls = new Set<Promise<unknown>>();
  const settled = new AbortController();
  const settle = (): void => {
    if (signal.aborted && calls.size === 0) settled.abort(signal.reason);
  };
  signal.addEventListener("abort", settle, { once: true });
  settle();
  const awaited = async <T>(call: Promise<T>): Promise<T> => {
    calls.add(call);
    try {
      return await call;
    } finally {
      calls.delete(call);
      settle();
    }
  };
  return {
    signal,
    settled: settled.signal,
    open,
    run: (what, options, work) => awaited(runCall(what, signal, options, work)),
    finish: (what, work) => awaited(runCall(what, new AbortController().signal, {}, work)),
    async end(reason) {
      ended.abort(reason);
      await Promise.allSettled([...open].map((resource) => resource[Symbol.asyncDispose]()));
      await Promise.allSettled(calls);
    },
  };
}
