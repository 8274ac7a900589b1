import { MkError, type MkErrorCode, messageOf } from "../errors.js";

export interface ErrorOrigin {
  /** `start of machine "mk"`. */
  readonly what: string;
  readonly driver?: string | undefined;
  /** The step that failed, for people. */
  readonly step?: string | undefined;
  /** The operation's signal: what was thrown after its abort is the abort. */
  readonly signal: AbortSignal;
}

const outcomes = new WeakSet<MkError>();

/** The error that an operation ended with: whatever happens while it is rolled back, this is what failed. */
export function outcome(error: MkError): MkError {
  outcomes.add(error);
  return error;
}

/** The one place where whatever was thrown becomes an MkError. */
export function mapError(error: unknown, { what, driver, step, signal }: ErrorOrigin): MkError {
  if (MkError.is(error) && outcomes.has(error)) return error;
  // What is thrown after the abort is the abort's consequence, whatever it looks like.
  if (signal.aborted) return abortError(error, signal.reason, what, step);
  if (MkError.is(error)) return error;
  const who = driver === undefined ? "" : ` in driver ${driver}`;
  return new MkError(
    driver === undefined ? "INTERNAL" : "DRIVER_FAILED",
    `the ${what} failed${who}: ${messageOf(error)}`,
    {
      cause: error,
      details: step === undefined ? undefined : { step },
    },
  );
}

function abortError(error: unknown, reason: unknown, what: string, step: string | undefined): MkError {
  const code = abortCode(reason);
  const at = step === undefined ? "" : ` while: ${step}`;
  // Mapped already further in, where the step is known, or told with what a wait knows.
  if (MkError.is(error, code)) return located(error, error, at, step);
  if (MkError.is(reason)) return located(reason, error, at, step);
  const message = `the ${what} ${code === "TIMED_OUT" ? "took too long" : "was cancelled"}${at}`;
  return new MkError(code, message, {
    cause: error,
    hint: "Run the command again: it goes on from what is there.",
    details: step === undefined ? undefined : { step },
  });
}

function abortCode(reason: unknown): MkErrorCode {
  if (MkError.is(reason)) return reason.code;
  return reason instanceof Error && reason.name === "TimeoutError" ? "TIMED_OUT" : "CANCELLED";
}

/** The reason with what whoever aborted cannot know: the step it met, and what was thrown there. */
function located(reason: MkError, cause: unknown, at: string, step: string | undefined): MkError {
  const isLocated = step === undefined || reason.details?.step !== undefined;
  if (isLocated && cause === reason) return reason;
  const { code, hint, docs } = reason;
  const message = isLocated ? reason.message : `${reason.message}${at}`;
  const details = isLocated ? reason.details : { ...reason.details, step };
  return new MkError(code, message, { hint, docs, details, cause });
}
