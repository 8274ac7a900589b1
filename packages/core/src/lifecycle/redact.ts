import type { OptionSpecs } from "../contract/options.js";
import { MkError } from "../errors.js";

/** Replaces the values of secret options wherever they occur in plain data. */
export type Redact = <T>(value: T) => T;

const MASK = "[secret]";

/** Knows the secret values among `options`. Values that are too short to be told from ordinary text are replaced only where they stand alone. */
export function redactor(specs: OptionSpecs, options: Readonly<Record<string, unknown>>): Redact {
  const secrets = Object.entries(options)
    .filter(([key]) => specs[key]?.secret === true)
    .flatMap(([, value]) => (Array.isArray(value) ? value.map(String) : [String(value ?? "")]))
    .filter((secret) => secret !== "")
    // As it is, and as JSON and URLs write it. Lone surrogates, which no URL can hold, become U+FFFD on the way.
    .flatMap((secret) => [
      ...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(Buffer.from(secret).toString())]),
    ])
    // A secret may begin with another one, whose replacement would leave its rest.
    .sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return (value) => value;
  const redactText = (text: string): string =>
    secrets.reduce(
      (rest, secret) => (rest === secret ? MASK : secret.length < 4 ? rest : rest.replaceAll(secret, MASK)),
      text,
    );
  const redact = (value: unknown): unknown => {
    if (typeof value === "string") return redactText(value);
    if (MkError.is(value)) return redactError(value, redact);
    if (Array.isArray(value)) return value.map(redact);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item)]));
  };
  return <T>(value: T) => redact(value) as T;
}

/** A copy without the secrets. The cause is kept as text only: whatever object it was may hold anything. */
function redactError(error: MkError, redact: (value: unknown) => unknown): MkError {
  const { cause } = error.toJSON();
  return new MkError(error.code, redact(error.message) as string, {
    hint: redact(error.hint) as string | undefined,
    docs: error.docs,
    details: redact(error.details) as Readonly<Record<string, unknown>> | undefined,
    cause: cause === undefined ? undefined : redact(cause),
  });
}
