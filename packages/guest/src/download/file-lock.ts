import { randomUUID } from "node:crypto";
import { watch } from "node:fs";
import { access, link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

interface Owner {
  readonly pid: number;
  /** Start time as Linux has it; elsewhere empty, and a reused pid then reads as alive. */
  readonly startTime: string;
  readonly token: string;
}

const HOLDER_CHECK_MS = 1_000;

async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // Field 22, counted from behind the command, which may hold blanks and parentheses. Source: man 5 proc.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

async function isAlive(owner: Owner): Promise<boolean> {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return owner.startTime === "" || owner.startTime === (await startTimeOf(owner.pid));
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Publishes the owner record whole or not at all: link() fails when there is a lock. */
async function tryAcquire(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${owner.token}`;
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}

/** Moves a dead holder's lock aside; puts it back when someone else took over in between. */
async function breakStale(path: string, stale: Owner): Promise<void> {
  const aside = `${path}.stale.${randomUUID()}`;
  await rename(path, aside).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
  const moved = await readOwner(aside);
  if (moved === undefined) return;
  if (moved.token !== stale.token) await link(aside, path).catch(() => undefined);
  await unlink(aside);
}

/** Waits until the lock file goes away, by file event; a holder's death has no event, so it is looked for once a second. */
async function waitReleased(path: string, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([stop.signal, signal]);
  const released = new Promise<void>((resolve) => {
    const watcher = watch(dirname(path), { signal: either }, (_event, name) => {
      if (name === null || name === basename(path)) resolve();
    });
    watcher.on("error", () => resolve());
    // Released between the attempt and the watch: no event would come.
    access(path).catch(() => resolve());
  });
  try {
    await Promise.race([released, delay(HOLDER_CHECK_MS, undefined, { signal: either })]).catch(() => undefined);
    signal.throwIfAborted();
  } finally {
    stop.abort();
  }
}

/**
 * Runs `work` while this process alone holds the lock file at `path`; waits for another holder, and takes over from a dead one. What it
 * guards is verified and renamed into place anyhow: the lock saves work, it does not make results right.
 */
export async function withFileLock<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const owner: Owner = { pid: process.pid, startTime: await startTimeOf(process.pid), token: randomUUID() };
  while (!(await tryAcquire(path, owner))) {
    signal.throwIfAborted();
    const holder = await readOwner(path);
    if (holder !== undefined && !(await isAlive(holder))) await breakStale(path, holder);
    else await waitReleased(path, signal);
  }
  try {
    return await work();
  } finally {
    if ((await readOwner(path))?.token === owner.token) await unlink(path);
  }
}
