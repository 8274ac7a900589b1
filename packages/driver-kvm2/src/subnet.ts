import { MkError } from "@mk/core";

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
  const range = parseCidr(cidr);
  if (!range) return false;
  return others.some((each) => {
    const other = parseCidr(each);
    return other !== undefined && range.first <= other.last && other.first <= range.last;
  });
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

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * First and last address of an IPv4 range; undefined for all else, IPv6 included, and for a default route, which overlaps everything: also
 * as the two halves 0.0.0.0/1 and 128.0.0.0/1, which VPNs route in its place.
 */
function parseCidr(cidr: string): Range | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (!match) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if (prefix < 2 || prefix > 32 || [a, b, c, d].some((octet) => octet > 255)) return undefined;
  const size = 2 ** (32 - prefix);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

/** The prefix length of a netmask such as 255.255.255.0. */
export function prefixOf(netmask: string): number {
  return netmask
    .split(".")
    .map((octet) => Number(octet).toString(2).replaceAll("0", "").length)
    .reduce((sum, ones) => sum + ones, 0);
}
