import type { CallOptions } from "../api.js";
import { runCall } from "./call.js";

/** What one `createMk` does and holds open. */
export interface Instance {
  /** Aborts with the instance. */
  readonly signal: AbortSignal;
  /** Runs a call of the API, as `runCall` does. */
  run<T>(what: string, options: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
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
  return {
    signal,
    open,
    async run(what, options, work) {
      const call = runCall(what, signal, options, work);
      calls.add(call);
      try {
        return await call;
      } finally {
        calls.delete(call);
      }
    },
    async end(reason) {
      ended.abort(reason);
      await Promise.allSettled([...open].map((resource) => resource[Symbol.asyncDispose]()));
      await Promise.allSettled(calls);
    },
  };
}
