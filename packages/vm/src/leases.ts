import { normalizeMacAddress } from "./mac-address.js";

/** One lease that macOS's bootpd gave, as `/var/db/dhcpd_leases` has it. */
export interface DhcpLease {
  readonly ipAddress: string;
  /** Normal form, see {@link normalizeMacAddress}. */
  readonly macAddress: string;
  readonly name?: string;
  /** Seconds since the epoch; absent when the file does not say. */
  readonly expiresAt?: number;
}

/**
 * Every usable lease of a `dhcpd_leases` file, in its order. Blocks that lack an IP or an Ethernet address, lines that are no `key=value`
 * and anything between blocks are passed over: a broken entry of another program must not hide ours.
 */
export function parseDhcpdLeases(text: string): readonly DhcpLease[] {
  const leases: DhcpLease[] = [];
  let block: Map<string, string> | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    // A block whose end is missing ends where the next begins.
    if (line === "{") block = new Map();
    else if (line === "}") {
      const lease = block && leaseOf(block);
      if (lease) leases.push(lease);
      block = undefined;
    } else if (block) {
      const cut = line.indexOf("=");
      if (cut > 0) block.set(line.slice(0, cut).trim(), line.slice(cut + 1).trim());
    }
  }
  return leases;
}

/**
 * The lease of a MAC address: the one that expires last, of equal ones the first, since bootpd puts the newest at the top. Expired ones
 * do not count; a lease without an expiry counts as older than any with one. A lease found is no proof that the guest is up.
 */
export function findLease(leases: readonly DhcpLease[], macAddress: string, nowMs: number): DhcpLease | undefined {
  const wanted = normalizeMacAddress(macAddress);
  let best: DhcpLease | undefined;
  for (const lease of leases) {
    if (lease.macAddress !== wanted) continue;
    if (lease.expiresAt !== undefined && lease.expiresAt * 1000 <= nowMs) continue;
    if (best === undefined || (lease.expiresAt ?? 0) > (best.expiresAt ?? 0)) best = lease;
  }
  return best;
}

function leaseOf(block: ReadonlyMap<string, string>): DhcpLease | undefined {
  const ipAddress = block.get("ip_address");
  // "<hardware type>,<address>": 1 is Ethernet (RFC 1700); ff and others carry client identifiers.
  const hardware = /^1,(.+)$/.exec(block.get("hw_address") ?? "");
  const macAddress = hardware && normalizeMacAddress(hardware[1]!);
  if (!ipAddress || !isIpv4(ipAddress) || !macAddress) return undefined;
  const name = block.get("name");
  const expiry = /^0x([0-9a-f]{1,12})$/i.exec(block.get("lease") ?? "");
  return {
    ipAddress,
    macAddress,
    ...(name && { name }),
    ...(expiry && { expiresAt: Number.parseInt(expiry[1]!, 16) }),
  };
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split(".").every((octet) => Number(octet) <= 255);
}
