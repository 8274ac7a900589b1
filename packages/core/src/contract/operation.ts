/** How far a step has come; `total` is missing while it is not known. */
export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly unit?: "bytes" | "items";
}

/** What every function that waits is given by core. */
export interface Operation {
  /** Aborts on Ctrl-C or on core's deadline. Reject with `signal.reason`, unwrapped. */
  readonly signal: AbortSignal;
  /**
   * Runs `work` as a named step. `id` is stable kebab-case: it appears in events, and `<operation>.<id>` names the failpoints before and
   * after it.
   */
  step<T>(id: string, title: string, work: (report: (progress: Progress) => void) => Promise<T>): Promise<T>;
  /** Registers a cleanup for when this operation fails or is aborted. Newest runs first, each with a fresh operation. */
  undo(cleanup: (op: Operation) => Promise<void>): void;
  /** Lower-case message, facts as fields. */
  log(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
