import type { Machine } from "../contract/machine.js";
import type { Operation } from "../contract/operation.js";
import type { MachineStatus } from "../contract/status.js";
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
/** The same behind its `ready`, where mostly nothing follows and every start would wait for it. */
const REPLAY_SILENCE_MS = 50;
/** A guest that never stops writing is read no longer than this for what it has become since. */
const REPLAY_MS = 1_000;
/** Within this a guest says that it goes down which was told to: its init looks once a second whether it was, and it may be emulated. */
const TOLD_MS = 3_000;
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
  /** Asks the guest itself whether it is on its way down. Given where it may have been told to go just now, and may not have said so yet. */
  readonly isStopping?: () => Promise<boolean>;
}

/**
 * Follows the machine's console until the guest says that it is ready: first the step `ssh`, then the step `ready`. GUEST_FAILED with the
 * console's tail when the guest reports a failure or the machine stops; the operation's deadline is put off by each marker. Of a machine that
 * ran, what counts is what its guest said last: one on its way down is waited for until it is off, or ready again when it only reboots.
 */
export async function waitForGuest(
  { name, machine, console: source, isReady, hasRun, isStopping }: GuestSource,
  op: CoreOperation,
): Promise<"ready" | "off"> {
  const stop = new AbortController();
  const signal = AbortSignal.any([op.signal, stop.signal]);
  const lines = consoleLines(source.read(signal))[Symbol.asyncIterator]();
  const tail: string[] = [];
  /** Since the guest's last boot. */
  const seen = new Set<string>();
  const everSeen = new Set<string>();
  let isReplayed = !hasRun;
  let replayedSince: number | undefined;
  let isGoingDown = false;
  let isOff = false;
  let coming: Promise<IteratorResult<string>> | undefined;
  let silenceMs = hasRun ? FIRST_SILENCE_MS : SILENCE_MS;
  let tornSilenceMs = TORN_SILENCE_MS;

  /** Whether the guest is to be asked after this silence. */
  function isDue(quietMs: number): boolean {
    if (hasRun && !isGoingDown) return true;
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

  /** Looks whether the machine is still on: GUEST_FAILED when it is not, unless that was to come. */
  async function lookAtPower(): Promise<void> {
    const status = await machine.inspect(quietOperation(op.signal));
    isOff = isGoingDown && status.state === "stopped";
    if (!isOff && !(isGoingDown && status.state === "stopping")) assertAlive(name, status, tail);
  }

  /** What the console gives next, which is waited for in pieces. */
  function next(): Promise<IteratorResult<string>> {
    if (coming === undefined) {
      coming = lines.next();
      // Handled where it is waited for; a rejection after we have stopped listening must not be an unhandled one.
      coming.catch(() => undefined);
    }
    return coming;
  }

  /** The console's next line; undefined when the guest is known to be ready, or off, without it. */
  async function nextLine(): Promise<string | undefined> {
    for (let quietMs = 0; ; ) {
      const result = await orSilence(next(), silenceMs, op.signal);
      if (result === "silence") {
        quietMs += silenceMs;
        // Each look and each question costs a slow guest or hypervisor something.
        silenceMs = Math.min(silenceMs * 2, SILENCE_MS);
        await lookAtPower();
        if (isOff) return undefined;
        if (isDue(quietMs) && (await asked(next()))) {
          isReplayed = true;
          seen.add("ready");
          return undefined;
        }
      } else if (result.done !== true) {
        coming = undefined;
        return result.value;
      } else {
        op.signal.throwIfAborted();
        await lookAtPower();
        if (isOff) return undefined;
        if (!isGoingDown) {
          throw new MkError("GUEST_FAILED", "the machine's console ended before the guest was ready", {
            hint: lookAtLogs(name),
            details: { console: tail },
          });
        }
        coming = new Promise(() => undefined);
      }
    }
  }

  /** Whether a guest that has said that it is ready still is: what it said since, or says when it is asked, may be that it goes down. */
  async function isStillReady(): Promise<boolean> {
    if (isReplayed) return true;
    replayedSince ??= performance.now();
    const leftMs = (isStopping === undefined ? REPLAY_MS : TOLD_MS) - (performance.now() - replayedSince);
    const enoughMs = isStopping === undefined ? Math.min(REPLAY_SILENCE_MS, leftMs) : leftMs;
    const result = leftMs <= 0 ? "silence" : await orSilence(next(), enoughMs, op.signal);
    if (result !== "silence" && result.done !== true) return false;
    isReplayed = true;
    if (isStopping === undefined) return true;
    isGoingDown = await isStopping();
    // It may have gone without a word.
    const { state } = await machine.inspect(quietOperation(op.signal));
    isOff = state === "stopped";
    if (isGoingDown) seen.clear();
    return !isGoingDown;
  }

  async function until(...events: readonly string[]): Promise<void> {
    while (!isOff && !(events.some((event) => seen.has(event)) && (await isStillReady()))) {
      const line = await nextLine();
      if (line === undefined) continue;
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      const marker = parseMarker(line);
      if (marker === undefined) continue;
      const { event, uptimeSeconds, fields } = marker;
      // Only what is new puts the deadline off: a guest that reboots for ever repeats its first markers for ever.
      if (!everSeen.has(event)) op.progress();
      everSeen.add(event);
      op.emit({ type: "guest.marker", marker: event, uptimeSeconds, fields });
      if (event === "data" && fields.grown === "failed") {
        op.emit({
          type: "note",
          level: "warning",
          message: `the data disk keeps its old size (${fields.reason})`,
          fields,
        });
      }
      // It was reset, with or without a word: what counts is this boot.
      if (event === "init" && hasRun) {
        isGoingDown = false;
        seen.clear();
      }
      // A service that failed once the guest was ready did not keep it from that.
      if (event === "failed" && !seen.has("ready")) throw guestFailed(name, marker, tail);
      seen.add(event);
      if (event !== "shutdown" || !hasRun) continue;
      isGoingDown = true;
      seen.clear();
    }
  }

  try {
    await op.step("ssh", "waiting for SSH", () => until("ssh", "ready"));
    if (!isOff) await op.step("ready", "waiting for the container engine", () => until("ready"));
    return isOff ? "off" : "ready";
  } catch (error) {
    const reason: unknown = op.signal.reason;
    if (error !== reason || !MkError.is(reason, "TIMED_OUT")) throw error;
    const details = { ...reason.details, console: [...tail] };
    const hint = isGoingDown ? `Cut its power with \`mk stop --force -p ${name}\`.` : reason.hint;
    throw new MkError("TIMED_OUT", reason.message, { hint, details, cause: error });
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

function assertAlive(name: string, status: MachineStatus, tail: readonly string[]): void {
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
