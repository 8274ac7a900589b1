import { AsyncLocalStorage } from "node:async_hooks";
import { raceAbort } from "../abort/race-abort.js";
import type { Operation, Progress } from "../contract/operation.js";
import { MkError } from "../errors.js";
import type { EventData, OperationName, PhaseTiming } from "../events/event.js";
import { failpoint } from "../failpoints/failpoint.js";
import { createDeadline, type Deadline, type TimeLimits } from "./deadline.js";
import { mapError } from "./map-error.js";

/** After its signal aborted, code gets this long to end by itself. */
const GRACE_MS = 10_000;
const UNDO_LIMITS: TimeLimits = { idleMs: 60_000, totalMs: 120_000 };
/** Progress events of one step come at most this often; the bytes of a download are reported far more often. */
const PROGRESS_INTERVAL_MS = 100;

/** What an operation is, by when it must end, and who hears of it. */
export interface OperationInit {
  readonly name: OperationName;
  /** For error messages: `start of machine "mk"`. */
  readonly what: string;
  /** What the user can do when it does not end in time. */
  readonly hint?: string;
  /** For error messages, where errors that are not mk's come from. */
  readonly driver?: string;
  readonly signal: AbortSignal;
  readonly limits: TimeLimits;
  readonly emit: (data: EventData) => void;
  /** Called with each phase (step without a parent) that ended. */
  readonly onPhase?: (phase: PhaseTiming) => void;
}

/** The operation as core itself uses it. */
export interface CoreOperation extends Operation {
  readonly name: OperationName;
  /** Resets the deadline: for progress that is no step. */
  progress(): void;
  readonly emit: (data: EventData) => void;
}

type Undo = (op: Operation) => Promise<void>;

const currentStep = new AsyncLocalStorage<{ readonly id: string; readonly title: string }>();

/**
 * Runs one operation: events, steps with their failpoints, deadlines. When it fails, what it registered by `undo` runs,
 * newest first; then the error is thrown as an MkError.
 */
export async function runOperation<T>(init: OperationInit, work: (op: CoreOperation) => Promise<T>): Promise<T> {
  const { name, what, emit } = init;
  const startedAt = performance.now();
  const phases: PhaseTiming[] = [];
  const undos: Undo[] = [];
  using deadline = createDeadline(what, init.limits, init.hint);
  const signal = AbortSignal.any([init.signal, deadline.signal]);
  emit({ type: "operation.started", operation: name });
  const op = createOperation(init, signal, deadline, undos, (phase) => {
    phases.push(phase);
    init.onPhase?.(phase);
  });
  try {
    signal.throwIfAborted();
    const result = await raceAbort(work(op.operation), signal, GRACE_MS);
    emit({ type: "operation.finished", operation: name, durationMs: since(startedAt), phases });
    return result;
  } catch (cause) {
    const error = mapError(cause, { what, driver: init.driver, step: op.failedStep(), signal });
    await runUndos(init, undos);
    emit({ type: "operation.failed", operation: name, durationMs: since(startedAt), error: error.toJSON() });
    throw error;
  }
}

function createOperation(
  { name, emit, onPhase: _unused, ...init }: OperationInit,
  signal: AbortSignal,
  deadline: Deadline,
  undos: Undo[],
  onPhase: (phase: PhaseTiming) => void,
): { readonly operation: CoreOperation; failedStep(): string | undefined } {
  let failed: string | undefined;
  const open = new Set<string>();
  const operation: CoreOperation = {
    name,
    signal,
    emit,
    progress: () => deadline.progress(),
    async step(id, title, work) {
      signal.throwIfAborted();
      const parent = currentStep.getStore();
      const startedAt = performance.now();
      deadline.progress(title);
      open.add(title);
      emit({
        type: "step.started",
        operation: name,
        step: id,
        title,
        ...(parent !== undefined && { parent: parent.id }),
      });
      let reportedAt = Number.NEGATIVE_INFINITY;
      const report = (progress: Progress): void => {
        deadline.progress();
        const now = performance.now();
        if (now - reportedAt < PROGRESS_INTERVAL_MS && progress.done !== progress.total) return;
        reportedAt = now;
        emit({ type: "step.progress", operation: name, step: id, progress });
      };
      try {
        await failpoint(`${name}.${id}:before`, signal);
        const result = await currentStep.run({ id, title }, () => work(report));
        await failpoint(`${name}.${id}:after`, signal);
        const durationMs = since(startedAt);
        deadline.progress(parent?.title);
        open.delete(title);
        emit({ type: "step.finished", operation: name, step: id, durationMs });
        if (parent === undefined) onPhase({ step: id, title, durationMs });
        return result;
      } catch (cause) {
        failed ??= title;
        const error = mapError(cause, { what: init.what, driver: init.driver, step: title, signal });
        emit({ type: "step.failed", operation: name, step: id, durationMs: since(startedAt), error: error.toJSON() });
        throw cause;
      }
    },
    undo(cleanup) {
      undos.push(cleanup);
    },
    log(message, fields) {
      emit({ type: "note", level: "info", message, ...(fields !== undefined && { fields }) });
    },
  };
  return { operation, failedStep: () => failed ?? [...open].at(-1) };
}

/** Newest first, each with a deadline of its own that the user's Ctrl-C does not reach: a half roll-back helps nobody. */
async function runUndos(init: OperationInit, undos: Undo[]): Promise<void> {
  if (undos.length === 0) return;
  init.emit({ type: "undo.started", operation: init.name });
  for (const undo of undos.reverse()) {
    const what = `roll-back of the ${init.what}`;
    using deadline = createDeadline(what, UNDO_LIMITS);
    const { operation } = createOperation(init, deadline.signal, deadline, [], () => undefined);
    try {
      await raceAbort(undo(operation), deadline.signal);
    } catch (cause) {
      // The rest must be undone all the same; the intent on disk makes the next command finish what failed here.
      const error = mapError(cause, { what, driver: init.driver, signal: deadline.signal });
      init.emit({ type: "note", level: "warning", message: error.message, fields: { error: error.toJSON() } });
    }
  }
  init.emit({ type: "undo.finished", operation: init.name });
}

/** An operation for reads that are no operation for the user: no events, no roll-back. */
export function quietOperation(signal: AbortSignal): Operation {
  return {
    signal,
    step: async (_id, _title, work) => {
      signal.throwIfAborted();
      return await work(() => undefined);
    },
    undo() {
      throw new MkError("INTERNAL", "A driver asked for a roll-back of an operation that only reads");
    },
    log: () => undefined,
  };
}

function since(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 10) / 10;
}
