import { setMaxListeners } from "node:events";

/**
 * Runs all works at once and answers when all have ended, in their order. The first failure aborts the others and is what is thrown; none is
 * still under way then.
 */
export async function together<T>(
  works: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
): Promise<readonly T[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  setMaxListeners(0, either);
  const settled = await Promise.allSettled(
    works.map((work) =>
      work(either).catch((error: unknown) => {
        if (!failed.signal.aborted) failed.abort(error);
        throw error;
      }),
    ),
  );
  signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  return settled.map((each) => (each as PromiseFulfilledResult<T>).value);
}
