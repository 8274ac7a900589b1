import { getEventListeners } from "node:events";
import type { Operation, Progress } from "@mk/core";
import { asDriver, asHost } from "./driver-code.js";

export interface StepSeen {
  readonly id: string;
  readonly title: string;
}

export interface RunOptions {
  /** Default: one that never aborts. */
  readonly signal?: AbortSignal;
  /** Called before and after the work of each step; may abort the signal, or throw in the driver's place. */
  readonly onStep?: (id: string, side: "before" | "within" | "after") => void;
  /** For what only reads: a cleanup that it registers is a fault. */
  readonly readOnly?: boolean;
}

/** How an operation ended, with all that core would have seen of it. */
export interface Outcome<T> {
  readonly result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };
  readonly steps: readonly StepSeen[];
  readonly progress: readonly Progress[];
  /** What the driver logged: the message, then the fields. */
  readonly logs: readonly unknown[];
  /** Places where the driver set a timer of its own. */
  readonly timers: readonly string[];
  /** What cleanups threw: none may. */
  readonly undoFailures: readonly unknown[];
  readonly listenersLeft: number;
}

/** How long an operation on a scripted host may take at all before it counts as hung. */
const HANG_MS = 20_000;
/** The part of that which it may go on after its signal aborted. */
const GRACE = 0.2;

/**
 * Runs a driver's function as core does: steps refuse to begin once the signal aborted, cleanups run newest first on
 * failure, each with an operation of its own. An operation that never settles ends as a failure that says so.
 */
export async function runOperation<T>(
  work: (op: Operation) => Promise<T>,
  options: RunOptions & { readonly hangMs?: number } = {},
): Promise<Outcome<T>> {
  const steps: StepSeen[] = [];
  const progress: Progress[] = [];
  const logs: unknown[] = [];
  const timers: string[] = [];
  const cleanups: ((op: Operation) => Promise<void>)[] = [];
  const undoFailures: unknown[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const hangMs = options.hangMs ?? HANG_MS;
  const operation = (own: AbortSignal, undo: Operation["undo"], onStep?: RunOptions["onStep"]): Operation => ({
    signal: own,
    async step(id, title, run) {
      own.throwIfAborted();
      steps.push({ id, title });
      asHost(() => onStep?.(id, "before"));
      own.throwIfAborted();
      const running = run((report) => void progress.push(report));
      asHost(() => onStep?.(id, "within"));
      const value = await running;
      asHost(() => onStep?.(id, "after"));
      return value;
    },
    undo,
    log: (message, fields) => void logs.push(message, fields),
  });

  const before = getEventListeners(signal, "abort").length;
  const undo = (cleanup: (op: Operation) => Promise<void>) => {
    if (options.readOnly === true) throw new Error("the driver registered a cleanup in an operation that only reads");
    cleanups.push(cleanup);
  };
  const op = operation(signal, undo, options.onStep);
  const result = await settle(() => asDriver(timers, () => work(op)), hangMs, signal);
  if (!result.ok) {
    for (const cleanup of cleanups.reverse()) {
      const fresh = operation(new AbortController().signal, () => {});
      const undone = await settle(() => asDriver(timers, () => cleanup(fresh)), hangMs);
      if (!undone.ok) undoFailures.push(undone.error);
    }
  }
  return {
    result,
    steps,
    progress,
    logs,
    timers,
    undoFailures,
    listenersLeft: getEventListeners(signal, "abort").length - before,
  };
}

/** The result of `work`, or a failure when it neither ends by itself nor soon after its signal aborts. */
async function settle<T>(work: () => Promise<T>, hangMs: number, signal?: AbortSignal): Promise<Outcome<T>["result"]> {
  let timer: NodeJS.Timeout | undefined;
  let stopListening = () => {};
  const hung = new Promise<never>((_, reject) => {
    const limit = (ms: number, why: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => reject(new Error(why)), ms);
    };
    const aborted = () => limit(hangMs * GRACE, "the driver did not settle after its signal aborted");
    limit(hangMs, "the driver did not settle");
    if (signal?.aborted) aborted();
    signal?.addEventListener("abort", aborted, { once: true });
    stopListening = () => signal?.removeEventListener("abort", aborted);
  });
  try {
    return { ok: true, value: await Promise.race([work(), hung]) };
  } catch (error) {
    return { ok: false, error };
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}
