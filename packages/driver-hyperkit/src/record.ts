import { isProcessIdentity, type MachineContext, type ProcessIdentity } from "@mk/core";

/** What HyperKit cannot be asked for later. Its presence says that the machine's creation was finished. */
export interface HyperkitRecord {
  readonly version: 1;
  /** The address vmnet gave the machine's UUID, as found by the last start. */
  readonly macAddress?: string;
  /** The process of the last start. */
  readonly process?: ProcessIdentity;
}

/**
 * The machine's record; undefined when none was written. One that cannot be read back counts as empty: what is in it is
 * either proved against a live process or found anew.
 */
export async function readRecord(context: MachineContext): Promise<HyperkitRecord | undefined> {
  const raw = await context.record.read();
  if (raw === undefined || raw === null) return undefined;
  const { macAddress, process } = typeof raw === "object" ? (raw as Readonly<Record<string, unknown>>) : {};
  return {
    version: 1,
    ...(typeof macAddress === "string" && { macAddress }),
    ...(isProcessIdentity(process) && { process }),
  };
}
