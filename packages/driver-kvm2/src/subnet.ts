import { findOverlap, MkError, parseSubnet } from "@mk/core";

/** A /24 with one machine on it. */
export interface Subnet {
  readonly cidr: string;
  readonly netmask: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly address: string;
}

/** minikube's first subnet for kvm2 and its step, so that people find it where they look. */
const FIRST_THIRD_OCTET = 39;
const STEP = 11;
const CANDIDATES = 256;

/** The first candidate below 192.168.0.0/16, then 172.16.0.0/12, that overlaps nothing used. NETWORK_CONFLICT when none is left. */
export function chooseSubnet(used: readonly string[]): Subnet {
  const candidates = [
    ...Array.from({ length: CANDIDATES }, (_, n) => `192.168.${(FIRST_THIRD_OCTET + n * STEP) % 256}`),
    ...Array.from({ length: CANDIDATES }, (_, n) => `172.30.${n}`),
  ];
  for (const candidate of candidates) {
    if (!overlapsAny(`${candidate}.0/24`, used)) return subnetOf(candidate);
  }
  throw new MkError("NETWORK_CONFLICT", `all ${candidates.length} subnets that mk may use are taken`, {
    hint: "Join an existing network with --kvm2-network, or remove networks that are not used.",
  });
}

/** Whether a range shares an address with any of the others. */
export function overlapsAny(cidr: string, others: readonly string[]): boolean {
  const range = parseSubnet(cidr);
  return range !== undefined && findOverlap(range, others) !== undefined;
}

function subnetOf(candidate: string): Subnet {
  return {
    cidr: `${candidate}.0/24`,
    netmask: "255.255.255.0",
    prefix: 24,
    gateway: `${candidate}.1`,
    address: `${candidate}.2`,
  };
}

/** The prefix length of a netmask such as 255.255.255.0. */
export function prefixOf(netmask: string): number {
  return netmask
    .split(".")
    .map((octet) => Number(octet).toString(2).replaceAll("0", "").length)
    .reduce((sum, ones) => sum + ones, 0);
}
