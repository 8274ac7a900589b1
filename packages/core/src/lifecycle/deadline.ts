import { createTimer } from "../abort/time-limit.js";
import { MkError } from "../errors.js";

/** How long an operation may take. */
export interface TimeLimits {
  /** Without any progress (a step's begin or end, a progress report, a guest marker). */
  readonly idleMs: number;
  /** In total, whatever the progress. */
  readonly totalMs?: number | undefined;
}

/** Aborts its signal with TIMED_OUT when a limit is passed. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Says that the operation got on, and what it does now. */
  progress(doing?: string): void;
}

/** A running deadline; the error names `what`, as `start of machine "mk"`, and gives the hint. */
export function createDeadline(what: string, { idleMs, totalMs }: TimeLimits, hint?: string): Deadline {
  const controller = new AbortController();
  let doing: string | undefined;
  const expire = (ms: number, how: string): void => {
    const step = doing === undefined ? "" : ` (it was at: ${doing})`;
    controller.abort(
      new MkError("TIMED_OUT", `the ${what} ${how} ${ms / 1000} s${step}`, {
        hint,
        details: { ...(doing !== undefined && { step: doing }), timeoutMs: ms },
      }),
    );
  };
  const idle = createTimer(idleMs, () => expire(idleMs, "made no progress for"));
  const total = totalMs === undefined ? undefined : createTimer(totalMs, () => expire(totalMs, "took longer than"));
  return {
    signal: controller.signal,
    progress(now) {
      if (now !== undefined) doing = now;
      if (controller.signal.aborted) return;
      idle.restart();
    },
    [Symbol.dispose]() {
      idle.cancel();
      total?.cancel();
    },
  };
}
