import { ERROR_CODES, MkError, messageOf, type SerializedMkError } from "@mk/core";
import type { Outcome } from "./messages.js";

/** What work came to, as plain data. */
export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    if (MkError.is(error)) return { error: error.toJSON() };
    return { error: { message: messageOf(error) } };
  }
}

/** The value, or throws the error it was on the other side. Errors that were not mk's come back as plain ones: core maps them. */
export function settle(outcome: Outcome): unknown {
  if (!("error" in outcome)) return outcome.value;
  throw toError(outcome.error);
}

function toError(error: SerializedMkError | { readonly message: string }): Error {
  if (!("code" in error) || !Object.hasOwn(ERROR_CODES, error.code)) return new Error(error.message);
  return new MkError(error.code, error.message, {
    hint: error.hint,
    docs: error.docs,
    details: error.details,
    cause: error.cause,
  });
}
