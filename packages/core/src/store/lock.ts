import { randomUUID } from "node:crypto";
import { watch } from "node:fs";
import { link, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { timeLimit } from "../abort/time-limit.js";
import type { Processes, ProcessIdentity } from "../contract/host.js";
import { MkError } from "../errors.js";
import { failpoint } from "../failpoints/failpoint.js";
import { errnoOf, fileError } from "../host/file-error.js";
import { parseJson } from "./parse-json.js";

/** Who holds a lock. The identity is what the kernel says of the holder, so the record of a dead holder is worth nothing. */
export interface LockOwner {
  /** Unique for each time a lock is taken. */
  readonly id: string;
  readonly process: ProcessIdentity;
  /** The holder's command, for people. */
  readonly command: string;
  /** ISO 8601. */
  readonly since: string;
}

/** How a lock is taken, and how its holder is told to others. */
export interface LockOptions {
  readonly processes: Pick<Processes, "identify" | "isAlive" | "waitGone">;
  /** What this process is doing, for whoever waits. */
  readonly command: string;
  /** How long to wait for a holder, ms. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Called once when the lock is held by somebody else. */
  readonly onWait?: (owner: LockOwner) => void;
}

/** A lock that this process holds. */
export interface Lock {
  /** Gives it back; a second time does nothing. */
  release(): Promise<void>;
}

/** Only where the system has no events to give. */
const POLL_MS = 100;

/**
 * Takes the lock at `path`, whose directory exists: at most one process of this host holds it. A holder that died, by SIGKILL too, loses it at once; one that is
 * stopped or whose laptop sleeps keeps it, since no clock is asked. MACHINE_BUSY names the holder after `waitMs`.
 *
 * A record is published by link(2), which fails when there is one. The record of a dead holder is removed only by whoever published a
 * ticket `<path>.break-<record id>` for it, the same way; a dead ticket holder is replaced by a ticket for the ticket. Record ids are
 * unique, so a waiter that read an old record can never remove a new one.
 */
export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  const process_ = await options.processes.identify(process.pid);
  if (process_ === undefined) {
    // The first process of a container has the pid of `init`, which is never taken for mk.
    throw new MkError("NOT_SUPPORTED", "this process cannot be told from others, so it can hold no lock", {
      hint: "Run mk below another process; in a container, for example, with `docker run --init`.",
    });
  }
  const owner: LockOwner = {
    id: randomUUID(),
    process: process_,
    command: options.command,
    since: new Date().toISOString(),
  };
  using limit = timeLimit(options.waitMs);
  const signal = AbortSignal.any([options.signal, limit.signal]);
  let told = false;
  for (;;) {
    options.signal.throwIfAborted();
    if (await publish(path, owner)) return held(path, owner);
    const holder = await readOwner(path);
    if (holder === undefined) continue;
    const isHeld = await options.processes.isAlive(holder.process);
    const inTheWay = isHeld ? holder : await breakLock(path, holder, owner, options.processes);
    if (inTheWay === undefined) continue;
    if (limit.signal.aborted) throw busy(path, inTheWay);
    if (!told) options.onWait?.(inTheWay);
    told = true;
    await untilChanged(path, { id: holder.id, process: inTheWay.process }, options.processes, signal);
  }
}

/** Who holds the lock now, or undefined when nobody alive does. */
export async function lockOwner(path: string, processes: Pick<Processes, "isAlive">): Promise<LockOwner | undefined> {
  const owner = await readOwner(path);
  return owner !== undefined && (await processes.isAlive(owner.process)) ? owner : undefined;
}

function held(path: string, owner: LockOwner): Lock {
  let released: Promise<void> | undefined;
  return {
    release() {
      released ??= (async () => {
        await failpoint("lock.release:before");
        if ((await readOwner(path))?.id === owner.id) await unlink(path).catch(() => undefined);
        await failpoint("lock.release:after");
      })();
      return released;
    },
  };
}

/** Publishes the record whole: it is written under a name nobody reads and then linked. */
async function publish(path: string, owner: LockOwner): Promise<boolean> {
  const draft = `${path}.${owner.id}`;
  try {
    for (;;) {
      await writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
      const outcome = await linkDraft(draft, path);
      if (outcome !== "swept") return outcome === "linked";
    }
  } catch (error) {
    throw fileError(error, "lock", path);
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

async function linkDraft(draft: string, path: string): Promise<"linked" | "taken" | "swept"> {
  try {
    await link(draft, path);
    return "linked";
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return "taken";
    // A sweep met the draft before it was written whole and held it for a dead process's.
    if (errnoOf(error) === "ENOENT") return "swept";
    throw error;
  }
}

/** Removes the record `dead` from `path`; undefined when it is gone, else who is at it and alive. */
async function breakLock(
  path: string,
  dead: LockOwner,
  owner: LockOwner,
  processes: Pick<Processes, "isAlive">,
): Promise<LockOwner | undefined> {
  const ticket = `${path}.break-${dead.id}`;
  while (!(await publish(ticket, owner))) {
    const other = await readOwner(ticket);
    if (other === undefined) continue;
    const breaker = (await processes.isAlive(other.process)) ? other : await breakLock(ticket, other, owner, processes);
    if (breaker !== undefined) return breaker;
  }
  try {
    // The record can only be removed under a ticket, and never comes back: still there means that it is ours to remove.
    if ((await readOwner(path))?.id === dead.id) await rm(path, { force: true });
    await rm(`${path}.${dead.id}`, { force: true });
  } finally {
    // Else nobody could break the lock for as long as this process lives.
    await rm(ticket, { force: true });
  }
  return undefined;
}

/** The record at a path; undefined when there is none. */
export async function readOwner(path: string): Promise<LockOwner | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError(error, "read", path);
  }
  try {
    const owner = parseJson(text) as LockOwner;
    if (typeof owner.id === "string" && typeof owner.process.pid === "number") return owner;
  } catch {
    // Falls through: only a power cut can leave a record that is not whole, and then nobody of that time lives.
  }
  const nobody: ProcessIdentity = { pid: 0, bootId: "", startTime: "", executable: "" };
  return { id: "unreadable", process: nobody, command: "", since: "" };
}

/** Resolves when the record of this id may have gone: its file changed, the process that has to do with it ended, or the signal aborted. */
async function untilChanged(
  path: string,
  holder: Pick<LockOwner, "id" | "process">,
  processes: Pick<Processes, "waitGone">,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const changed = new Promise<void>((resolve) => {
    either.addEventListener("abort", () => resolve(), { once: true });
    const poll = (): void => {
      const timer = setTimeout(resolve, POLL_MS);
      either.addEventListener("abort", () => clearTimeout(timer), { once: true });
    };
    try {
      watch(dirname(path), { signal: either }, (_event, file) => {
        if (file === null || file === basename(path)) resolve();
      }).on("error", poll);
    } catch {
      // No watches left: Linux counts them per user, and editors take many.
      poll();
    }
  });
  try {
    // The release may have come before the watch began.
    if ((await readOwner(path))?.id !== holder.id) return;
    const gone = processes.waitGone(holder.process, either).catch(() => changed);
    await Promise.race([changed, holder.process.pid === process.pid ? changed : gone]);
  } finally {
    done.abort();
  }
}

function busy(path: string, { process: { pid }, command, since }: LockOwner): MkError {
  const name = basename(path).replace(/\.lock$/, "");
  const ageSeconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  return new MkError(
    "MACHINE_BUSY",
    `${JSON.stringify(name)} is busy: ${command} (pid ${pid}) works on it since ${ageSeconds} s`,
    {
      hint: `Wait for it to end, or end process ${pid}.`,
      details: { name, pid, command, ageSeconds },
    },
  );
}
