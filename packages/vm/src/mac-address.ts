import { createHash } from "node:crypto";

/**
 * The MAC address of a machine's network card: the same for the same machine id and index, locally administered and unicast, so that it
 * meets no vendor's address. `index` numbers the cards of one machine.
 */
export function deriveMacAddress(machineId: string, index = 0): string {
  const bytes = createHash("sha256").update(`mk-mac:${machineId}:${index}`).digest().subarray(0, 6);
  // IEEE 802: bit 0 of the first octet means multicast, bit 1 locally administered.
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/**
 * A MAC address as six lower-case, two-digit octets with colons; undefined when the text is none. Takes dashes for colons, and octets
 * without their leading zero, which is how macOS writes them into its lease file.
 */
export function normalizeMacAddress(text: string): string | undefined {
  const octets = text.trim().toLowerCase().split(/[:-]/);
  if (octets.length !== 6 || !octets.every((octet) => /^[0-9a-f]{1,2}$/.test(octet))) return undefined;
  return octets.map((octet) => octet.padStart(2, "0")).join(":");
}
