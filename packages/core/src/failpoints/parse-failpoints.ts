import { ERROR_CODES, MkError, type MkErrorCode } from "../errors.js";

/** What a failpoint does when it is hit. */
export type FailpointAction =
  | { readonly kind: "off" | "kill" | "term" | "int" | "pause" | "panic" | "enospc" }
  | { readonly kind: "error"; readonly code: MkErrorCode }
  | { readonly kind: "delay"; readonly ms: number };

/** An action and how many hits it takes; `Infinity` where no count was given. */
export interface FailpointTerm {
  readonly count: number;
  readonly action: FailpointAction;
}

const TERM = /^(?:(\d{1,6})\*)?([a-z]+)(?:\(([^()]*)\))?$/;

/**
 * Parses `name=terms;name=terms`. Terms are containerd's: `1*off->2*error(NO_SPACE)->kill`, each taken as often as its count says, the
 * last for ever if it has none; past the end the failpoint is off. A name of `*` matches every failpoint. TypeError for anything else.
 */
export function parseFailpoints(text: string): ReadonlyMap<string, readonly FailpointTerm[]> {
  const points = new Map<string, readonly FailpointTerm[]>();
  for (const entry of text.split(";")) {
    if (entry.trim() === "") continue;
    const equals = entry.indexOf("=");
    if (equals < 1) throw new TypeError(`failpoint ${JSON.stringify(entry)} is not of the form name=terms`);
    points.set(
      entry.slice(0, equals).trim(),
      entry
        .slice(equals + 1)
        .split("->")
        .map((term) => parseTerm(term.trim())),
    );
  }
  return points;
}

function parseTerm(text: string): FailpointTerm {
  const match = TERM.exec(text);
  if (match === null)
    throw new TypeError(`failpoint term ${JSON.stringify(text)} is not of the form [count*]action[(argument)]`);
  const [, count, kind = "", argument] = match;
  return {
    count: count === undefined ? Number.POSITIVE_INFINITY : Number(count),
    action: parseAction(kind, argument),
  };
}

function parseAction(kind: string, argument: string | undefined): FailpointAction {
  switch (kind) {
    case "off":
    case "kill":
    case "term":
    case "int":
    case "pause":
    case "panic":
    case "enospc":
      return { kind };
    case "error":
      return { kind, code: argument !== undefined && argument in ERROR_CODES ? (argument as MkErrorCode) : "INTERNAL" };
    case "delay": {
      const ms = Number(argument);
      if (!Number.isFinite(ms) || ms < 0) throw new TypeError(`failpoint delay(${argument ?? ""}) needs milliseconds`);
      return { kind, ms };
    }
    default:
      throw new TypeError(`there is no failpoint action ${JSON.stringify(kind)}`);
  }
}

/** The error `error(CODE)` throws. */
export function failpointError(name: string, code: MkErrorCode): MkError {
  return new MkError(code, `Failpoint ${name} was told to fail`, { details: { failpoint: name } });
}
