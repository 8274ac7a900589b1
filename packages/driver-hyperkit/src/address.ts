import { type MachineContext, MkError } from "@mk/core";
import { findLease, parseDhcpdLeases } from "@mk/vm";
import { ringText } from "./console-ring.js";
import { machineFiles } from "./machine-files.js";
import { readRecord } from "./record.js";

/** Where macOS's bootpd, which serves vmnet's shared network, keeps its leases. */
export const LEASES_FILE = "/var/db/dhcpd_leases";

const POLL_MS = 500;

/**
 * The machine's address: what bootpd leased to its MAC address or, when there is no such lease (it expired while the Mac
 * slept, or bootpd is not the server), what the guest said on its console. Waits for one, since vmnet has no event for it.
 */
export async function waitForAddress(context: MachineContext, signal: AbortSignal): Promise<string> {
  const { host, name } = context;
  const macAddress = (await readRecord(context))?.macAddress;
  if (macAddress === undefined) {
    throw new MkError("MACHINE_NOT_RUNNING", `machine "${name}" has no MAC address: it was never started`, {
      hint: `Start it with mk start -p ${name}.`,
    });
  }
  for (;;) {
    signal.throwIfAborted();
    const address = (await leased(context, macAddress)) ?? (await announced(context));
    if (address !== undefined) return address;
    await host.delay(POLL_MS, signal);
  }
}

async function leased({ host }: MachineContext, macAddress: string): Promise<string | undefined> {
  const text = await host.files.readText(LEASES_FILE);
  return text === undefined ? undefined : findLease(parseDhcpdLeases(text), macAddress, host.now())?.ipAddress;
}

async function announced(context: MachineContext): Promise<string | undefined> {
  const ring = await context.host.files.readBytes(machineFiles(context).consoleRing);
  return ring === undefined ? undefined : announcedAddress(ringText(ring));
}

/** The address of the last `network` marker in a console's text. */
export function announcedAddress(console: string): string | undefined {
  return [...console.matchAll(/^mk-guest: network .*\bip=(\d{1,3}(?:\.\d{1,3}){3})\b/gm)].at(-1)?.[1];
}
