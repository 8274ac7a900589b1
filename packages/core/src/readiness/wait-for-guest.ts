import type { Machine } from "../contract/machine.js";
import type { Operation } from "../contract/operation.js";
import { MkError } from "../errors.js";
import type { CoreOperation } from "../lifecycle/operation.js";
import { quietOperation } from "../lifecycle/operation.js";
import { consoleLines } from "./console-lines.js";
import { type GuestMarker, parseMarker } from "./marker.js";

const TAIL_LINES = 40;
/** A console that is silent this long may be that of a machine that died: then its driver is asked. */
const SILENCE_MS = 3_000;
/** What the console of a machine that runs has to say comes at once: after this silence the guest itself is asked. */
const FIRST_SILENCE_MS = 250;
/**
 * A fresh guest that has started its SSH server and is silent this long may have said `ready` in the midst of a line of its kernel. Long, and
 * doubled at each question, since an emulated guest takes seconds to answer while its engine starts.
 */
const TORN_SILENCE_MS = 30_000;

export interface GuestSource {
  /** The machine's, for what the user is told to do. */
  readonly name: string;
  readonly machine: Machine;
  readonly console: NonNullable<Machine["console"]>;
  /** Asks the guest itself whether it is ready. */
  readonly isReady: (op: Operation) => Promise<boolean>;
  /**
   * Whether the machine runs already: its guest says that it is ready once, and its console may be a ring or a log that was cut, so it is
   * asked soon. The guest of a fresh start has better to do than to answer, and is asked when its `ready` seems to be lost.
   */
  readonly hasRun: boolean;
}

/**
 * Follows the machine's console until the guest says that it is ready: first the step `ssh`, then the step `ready`. GUEST_FAILED with the
 * console's tail when the guest reports a failure or the machine stops; the operation's deadline is put off by each marker.
 */
export async function waitForGuest(
  { name, machine, console: source, isReady, hasRun }: GuestSource,
  op: CoreOperation,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([op.signal, stop.signal]);
  const lines = consoleLines(source.read(signal))[Symbol.asyncIterator]();
  const tail: string[] = [];
  const seen = new Set<string>();
  let silenceMs = hasRun ? FIRST_SILENCE_MS : SILENCE_MS;
  let tornSilenceMs = TORN_SILENCE_MS;

  /** Whether the guest is to be asked after this silence. */
  function isDue(quietMs: number): boolean {
    if (hasRun) return true;
    if (!seen.has("ssh") || quietMs < tornSilenceMs) return false;
    tornSilenceMs *= 2;
    return true;
  }

  /** Whether the guest says itself that it is ready, before a line comes. */
  async function asked(line: Promise<unknown>): Promise<boolean> {
    const enough = new AbortController();
    try {
      const answer = isReady({ ...op, signal: AbortSignal.any([op.signal, enough.signal]) });
      return await Promise.race([answer, line.then(() => false)]);
    } finally {
      enough.abort();
    }
  }

  /** The console's next line; undefined when the guest is known to be ready without it. */
  async function nextLine(): Promise<string | undefined> {
    const next = lines.next();
    // Handled below; a rejection after we have stopped listening must not be an unhandled one.
    next.catch(() => undefined);
    for (let quietMs = 0; ; ) {
      const result = await orSilence(next, silenceMs, op.signal);
      if (result === "silence") {
        quietMs += silenceMs;
        // Each look and each question costs a slow guest or hypervisor something.
        silenceMs = Math.min(silenceMs * 2, SILENCE_MS);
        await assertAlive(name, machine, op, tail);
        if (isDue(quietMs) && (await asked(next))) return undefined;
      } else if (result.done !== true) {
        return result.value;
      } else {
        op.signal.throwIfAborted();
        await assertAlive(name, machine, op, tail);
        throw new MkError("GUEST_FAILED", "the machine's console ended before the guest was ready", {
          hint: lookAtLogs(name),
          details: { console: tail },
        });
      }
    }
  }

  async function until(...events: readonly string[]): Promise<void> {
    while (!events.some((event) => seen.has(event))) {
      const line = await nextLine();
      if (line === undefined) return void seen.add("ready");
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      const marker = parseMarker(line);
      if (marker === undefined) continue;
      // Only what is new puts the deadline off: a guest that reboots for ever repeats its first markers for ever.
      if (!seen.has(marker.event)) op.progress();
      seen.add(marker.event);
      const { event, uptimeSeconds, fields } = marker;
      op.emit({ type: "guest.marker", marker: event, uptimeSeconds, fields });
      if (event === "data" && fields.grown === "failed") {
        op.emit({
          type: "note",
          level: "warning",
          message: `the data disk keeps its old size (${fields.reason})`,
          fields,
        });
      }
      if (event === "failed") throw guestFailed(name, marker, tail);
    }
  }

  try {
    await op.step("ssh", "waiting for SSH", () => until("ssh", "ready"));
    await op.step("ready", "waiting for the container engine", () => until("ready"));
  } catch (error) {
    const reason: unknown = op.signal.reason;
    if (error !== reason || !MkError.is(reason, "TIMED_OUT")) throw error;
    const details = { ...reason.details, console: [...tail] };
    throw new MkError("TIMED_OUT", reason.message, { hint: reason.hint, details, cause: error });
  } finally {
    stop.abort();
    // Not awaited: a console that ignores its signal must not hold up the start.
    lines.return?.(undefined).catch(() => undefined);
  }
}

/** The promise's result, or "silence" after a while; rejects with the signal's reason. */
async function orSilence<T>(promise: Promise<T>, silenceMs: number, signal: AbortSignal): Promise<T | "silence"> {
  signal.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => undefined;
  const other = new Promise<"silence">((resolve, reject) => {
    timer = setTimeout(resolve, silenceMs, "silence");
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, other]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

async function assertAlive(name: string, machine: Machine, op: CoreOperation, tail: readonly string[]): Promise<void> {
  const status = await machine.inspect(quietOperation(op.signal));
  if (status.state === "running" || status.state === "starting" || status.state === "unknown") return;
  const reason = "reason" in status && status.reason !== undefined ? `: ${status.reason}` : "";
  throw new MkError("GUEST_FAILED", `the machine is ${status.state} and was not ready yet${reason}${lastWords(tail)}`, {
    hint: lookAtLogs(name),
    details: { state: status.state, console: tail },
  });
}

function lookAtLogs(name: string): string {
  return `Look at what the guest wrote with \`mk logs -p ${name}\`.`;
}

/** Why a guest died, in its own words: a kernel that panics writes its trace behind the reason. */
function lastWords(tail: readonly string[]): string {
  const line = tail.findLast((each) => each.includes("Kernel panic")) ?? tail.findLast((each) => each.trim() !== "");
  return line === undefined ? "; it wrote nothing to its console" : `; the last it wrote is ${JSON.stringify(line)}`;
}

function guestFailed(name: string, { fields, uptimeSeconds }: GuestMarker, tail: readonly string[]): MkError {
  const service = fields.service ?? "a service";
  const reason = fields.reason === undefined ? "" : `: ${fields.reason}`;
  return new MkError("GUEST_FAILED", `the guest could not start ${service}${reason}`, {
    hint: lookAtLogs(name),
    details: { ...fields, uptimeSeconds, console: [...tail] },
  });
}
