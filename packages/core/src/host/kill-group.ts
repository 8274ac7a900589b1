import type { ChildProcess } from "node:child_process";

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
