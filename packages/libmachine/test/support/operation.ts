import type { Operation } from "@mk/core";

export interface RecordedOperation extends Operation {
  readonly lines: string[];
  readonly steps: string[];
  /** Runs the registered cleanups, newest first, as core does when an operation fails. */
  rollBack(): Promise<void>;
}

/** An operation as core gives it, that keeps what it is told. */
export function operation(signal: AbortSignal = AbortSignal.timeout(60_000)): RecordedOperation {
  const lines: string[] = [];
  const steps: string[] = [];
  const cleanups: ((op: Operation) => Promise<void>)[] = [];
  return {
    signal,
    lines,
    steps,
    step(id, _title, work) {
      steps.push(id);
      return work(() => undefined);
    },
    undo: (cleanup) => void cleanups.push(cleanup),
    log: (message) => void lines.push(message),
    async rollBack() {
      for (const cleanup of cleanups.reverse()) await cleanup(operation());
    },
  };
}
