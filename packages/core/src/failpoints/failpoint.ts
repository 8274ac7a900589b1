import { appendFileSync } from "node:fs";
import { type FailpointAction, type FailpointTerm, failpointError, parseFailpoints } from "./parse-failpoints.js";

interface ActivePoint {
  readonly terms: readonly FailpointTerm[];
  hits: number;
}

interface ActiveFailpoints {
  readonly points: ReadonlyMap<string, ActivePoint>;
  readonly logFile: string | undefined;
}

const never = new AbortController().signal;
let active: ActiveFailpoints | undefined = activate(process.env.MK_FAILPOINTS, process.env.MK_FAILPOINTS_LOG);

/**
 * A place where tests make mk fail. Does nothing, and allocates nothing, unless MK_FAILPOINTS or MK_FAILPOINTS_LOG was set when the
 * process started. Every hit is appended to MK_FAILPOINTS_LOG before its action is taken, so that a test can prove that it fired.
 */
export function failpoint(name: string, signal?: AbortSignal): Promise<void> | undefined {
  return active === undefined ? undefined : hit(active, name, signal);
}

/** Replaces the failpoints of this process; for tests that run in process. Undefined turns all off. */
export function setFailpoints(text: string | undefined, logFile?: string): void {
  active = activate(text, logFile);
}

function activate(text: string | undefined, logFile: string | undefined): ActiveFailpoints | undefined {
  if (!text && !logFile) return undefined;
  const points = new Map<string, ActivePoint>();
  for (const [name, terms] of parseFailpoints(text ?? "")) points.set(name, { terms, hits: 0 });
  return { points, logFile };
}

async function hit({ points, logFile }: ActiveFailpoints, name: string, signal = never): Promise<void> {
  const point = points.get(name) ?? points.get("*");
  const action = point === undefined ? undefined : nextAction(point);
  // Synchronous: the process may be gone right after, and the record must not be.
  if (logFile !== undefined) appendFileSync(logFile, `${name} ${action?.kind ?? "pass"} ${process.pid}\n`);
  if (action !== undefined) await act(name, action, signal);
}

function nextAction(point: ActivePoint): FailpointAction | undefined {
  let past = point.hits++;
  for (const { count, action } of point.terms) {
    if (past < count) return action;
    past -= count;
  }
  return undefined;
}

async function act(name: string, action: FailpointAction, signal: AbortSignal): Promise<void> {
  switch (action.kind) {
    case "off":
      return;
    case "error":
      throw failpointError(name, action.code);
    case "enospc":
      throw Object.assign(new Error(`ENOSPC: no space left on device, failpoint '${name}'`), {
        code: "ENOSPC",
        errno: -28,
      });
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return untilAborted(never);
    case "term":
      return signalSelf("SIGTERM");
    case "int":
      return signalSelf("SIGINT");
    case "panic":
      setImmediate(() => {
        throw new Error(`failpoint ${name} panics`);
      });
      return untilAborted(never);
    case "pause":
      return untilAborted(signal);
    case "delay":
      return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, action.ms);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(signal.reason);
        });
      });
    default:
      action satisfies never;
  }
}

/** Returns once the process's own handlers have seen the signal; without handlers the process ends by it. */
async function signalSelf(name: "SIGTERM" | "SIGINT"): Promise<void> {
  if (process.listenerCount(name) === 0) {
    process.kill(process.pid, name);
    return untilAborted(never);
  }
  const seen = new Promise<void>((resolve) => process.once(name, () => resolve()));
  process.kill(process.pid, name);
  await seen;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    // A pending promise does not keep Node alive; a timer does.
    const timer = setInterval(() => undefined, 60_000);
    const abort = (): void => {
      clearInterval(timer);
      reject(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
