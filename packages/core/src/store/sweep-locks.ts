import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Processes } from "../contract/host.js";
import { MkError } from "../errors.js";
import { acquireLock, readOwner } from "./lock.js";

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const LOCK = /\.lock$/;
const TICKET = new RegExp(`^(.+)\\.break-(${UUID})$`);
const DRAFT = new RegExp(`\\.${UUID}$`);

/** Removes what killed processes left in the directory of locks. What the living hold or wait for stays. */
export async function sweepLocks(
  directory: string,
  processes: Pick<Processes, "identify" | "isAlive" | "waitGone">,
): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  // Longest first: a ticket for a ticket goes before the ticket it is for.
  for (const entry of entries.sort((a, b) => b.length - a.length)) {
    const path = join(directory, entry);
    const owner = await readOwner(path);
    if (owner === undefined || (await processes.isAlive(owner.process))) continue;
    const [, target, id] = TICKET.exec(entry) ?? [];
    if (LOCK.test(entry)) await takeAndRelease(path, processes);
    // While its target is there, only the protocol of the lock may remove a ticket.
    else if (target !== undefined) {
      if ((await readOwner(join(directory, target)))?.id !== id) await rm(path, { force: true });
    } else if (DRAFT.test(entry)) await rm(path, { force: true });
  }
}

async function takeAndRelease(path: string, processes: Parameters<typeof sweepLocks>[1]): Promise<void> {
  try {
    const signal = new AbortController().signal;
    const lock = await acquireLock(path, { processes, command: "mk", waitMs: 0, signal });
    await lock.release();
  } catch (error) {
    // Somebody was quicker: then it is in use.
    if (!MkError.is(error, "MACHINE_BUSY")) throw error;
  }
}
