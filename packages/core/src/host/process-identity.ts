import type { ProcessIdentity } from "../contract/host.js";

/** Whether a value read back from a machine's record is the identity of a process. That the process lives says `Processes.isAlive` alone. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) return false;
  const { pid, bootId, startTime, executable } = value as Readonly<Record<string, unknown>>;
  const texts = [bootId, startTime, executable];
  // 0 and 1 are a process group and init: nothing of a machine's.
  return Number.isInteger(pid) && Number(pid) > 1 && texts.every((text) => typeof text === "string");
}
