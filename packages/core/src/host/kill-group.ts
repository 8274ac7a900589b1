import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** How long to wait for killed processes: one in a system call that does not end, or a zombie that nobody reaps, may stay for ever. */
const GONE_MS = 1_000;
const POLL_MS = 5;

/** Signals a child that leads a process group, and all of its group. Gone is fine. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals, platform: NodeJS.Platform): void {
  if (child.pid === undefined) return;
  if (platform === "win32") {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: all of the group have ended. EPERM: they became another user's, and end by the loss of their pipes.
  }
}

/** Waits until no process of a killed child's group is left. They are not ours: nobody tells us of their end. */
export async function groupGone(child: ChildProcess, platform: NodeJS.Platform): Promise<void> {
  if (child.pid === undefined || platform === "win32") return;
  try {
    for (let waited = 0; waited < GONE_MS; waited += POLL_MS) {
      process.kill(-child.pid, 0);
      await sleep(POLL_MS);
    }
  } catch {
    // ESRCH: there is none. EPERM: they are another user's.
  }
}
