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

/** The one place where whatever was thrown becomes an MkError. */
export function mapError(error: unknown, { what, driver, step, signal }: ErrorOrigin): MkError {
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
  if (MkError.is(error, code)) return located(error, at, step);
  if (MkError.is(reason)) return located(reason, at, step);
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

/** The reason with the step it met, which whoever aborted cannot know. */
function located(reason: MkError, at: string, step: string | undefined): MkError {
  if (step === undefined || reason.details?.step !== undefined) return reason;
  const { code, message, hint, docs, details } = reason;
  return new MkError(code, `${message}${at}`, { hint, docs, details: { ...details, step }, cause: reason });
}
