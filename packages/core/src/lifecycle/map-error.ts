import { MkError } from "../errors.js";

export interface ErrorOrigin {
  /** `start of machine "mk"`. */
  readonly what: string;
  readonly driver?: string | undefined;
  /** The step that failed, for people. */
  readonly step?: string | undefined;
  /** The operation's signal: what was thrown after its abort is the abort. */
  readonly signal: AbortSignal;
}

/** The one place where whatever was thrown becomes an MkError. */
export function mapError(error: unknown, { what, driver, step, signal }: ErrorOrigin): MkError {
  if (signal.aborted && isAbort(error, signal.reason)) {
    // A wait may have added what it knows to the reason; else the reason tells more than what was made of it.
    const reason: unknown = MkError.is(error) && error.cause === signal.reason ? error : signal.reason;
    const at = step === undefined ? "" : ` while: ${step}`;
    if (MkError.is(reason)) return reason.details?.step === undefined ? located(reason, at, step) : reason;
    if (reason instanceof Error && reason.name === "TimeoutError") {
      return new MkError("TIMED_OUT", `the ${what} took too long${at}`, { cause: reason });
    }
    return new MkError("CANCELLED", `the ${what} was cancelled${at}`, {
      cause: reason,
      hint: "Run the command again: it goes on from what is there.",
      details: step === undefined ? undefined : { step },
    });
  }
  if (MkError.is(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const who = driver === undefined ? "" : ` in driver ${driver}`;
  return new MkError(driver === undefined ? "INTERNAL" : "DRIVER_FAILED", `the ${what} failed${who}: ${message}`, {
    cause: error,
    details: step === undefined ? undefined : { step },
  });
}

/** The caller's reason, with the step it met: the caller cannot know it. */
function located(reason: MkError, at: string, step: string | undefined): MkError {
  if (step === undefined) return reason;
  const { code, message, hint, docs, details } = reason;
  return new MkError(code, `${message}${at}`, { hint, docs, details: { ...details, step }, cause: reason });
}

function isAbort(error: unknown, reason: unknown): boolean {
  if (error === reason || MkError.is(error, "CANCELLED")) return true;
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || error.name === "TimeoutError" || (MkError.is(error) && error.cause === reason);
}
