import { raceAbort } from "../abort/race-abort.js";
import { timeLimit } from "../abort/time-limit.js";
import type { Operation } from "../contract/operation.js";
import { messageOf } from "../errors.js";
import type { CoreOperation } from "./operation.js";

/** A driver that does not know it must not hold up a guest that is ready. */
const ANSWER_LIMIT_MS = 5_000;

/** What a driver answers; undefined, with a note in the log, when it does not tell: that is an error for those who need it alone. */
export async function ifTold<T>(
  op: CoreOperation,
  what: string,
  ask: (op: Operation) => Promise<T>,
): Promise<T | undefined> {
  using limit = timeLimit(ANSWER_LIMIT_MS);
  const signal = AbortSignal.any([op.signal, limit.signal]);
  try {
    return await raceAbort(ask({ ...op, signal }), signal);
  } catch (error) {
    op.signal.throwIfAborted();
    op.log(`the driver does not tell ${what}`, { reason: messageOf(error) });
    return undefined;
  }
}
