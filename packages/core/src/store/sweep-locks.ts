import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { acquireLock, type LockOptions, readOwner } from "./lock.js";

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const LOCK = /\.lock$/;
const TICKET = new RegExp(`^(.+)\\.break-(${UUID})$`);
const DRAFT = new RegExp(`\\.${UUID}$`);

/**
 * Removes what killed processes left in the directory of locks. What the living hold or wait for stays, and so does what cannot be removed:
 * it stands in nobody's way but that of who takes this very lock, who is told.
 */
export async function sweepLocks(directory: string, processes: LockOptions["processes"]): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  // Longest first: a ticket for a ticket goes before the ticket it is for.
  for (const entry of entries.sort((a, b) => b.length - a.length)) {
    await sweep(directory, entry, processes).catch(() => undefined);
  }
}

async function sweep(directory: string, entry: string, processes: LockOptions["processes"]): Promise<void> {
  const path = join(directory, entry);
  const owner = await readOwner(path);
  if (owner === undefined || (await processes.isAlive(owner.process))) return;
  const [, target, id] = TICKET.exec(entry) ?? [];
  if (LOCK.test(entry)) {
    // MACHINE_BUSY when somebody was quicker: then it is in use.
    const signal = new AbortController().signal;
    const lock = await acquireLock(path, { processes, command: "mk", waitMs: 0, signal });
    await lock.release();
  } else if (target !== undefined) {
    // While its target is there, only the protocol of the lock may remove a ticket.
    if ((await readOwner(join(directory, target)))?.id !== id) await rm(path, { force: true });
  } else if (DRAFT.test(entry)) await rm(path, { force: true });
}
