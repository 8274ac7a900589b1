import { constants } from "node:os";

/** A shell's view of how a process ended: 128 + n for signal n. */
export function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0));
}
