import { findOverlap, MkError, notBroader, parseSubnet } from "@mk/core";

/** A /24 with one machine on it. */
export interface Subnet {
  readonly cidr: string;
  readonly netmask: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly address: string;
}

/** What is in use on the host, as CIDR. */
export interface UsedSubnets {
  /** Of its interfaces and of libvirt's networks. */
  readonly taken: readonly string[];
  readonly routes: readonly string[];
}

const PREFIX = 24;
/** minikube's first subnet for kvm2 and its step, so that people find it where they look. */
const FIRST_THIRD_OCTET = 39;
const STEP = 11;
const CANDIDATES = 256;

/**
 * The first candidate below 192.168.0.0/16, then 172.16.0.0/12, that overlaps nothing used, or if there is none the first that overlaps
 * broader `routes` alone. NETWORK_CONFLICT when none is left.
 */
export function chooseSubnet(used: UsedSubnets): Subnet {
  const candidates = [
    ...Array.from({ length: CANDIDATES }, (_, n) => `192.168.${(FIRST_THIRD_OCTET + n * STEP) % 256}`),
    ...Array.from({ length: CANDIDATES }, (_, n) => `172.30.${n}`),
  ];
  for (const avoided of [[...used.taken, ...used.routes], inTheWay(used)]) {
    const free = candidates.find((candidate) => !overlapsAny(`${candidate}.0/${PREFIX}`, avoided));
    if (free !== undefined) return subnetOf(free);
  }
  throw new MkError("NETWORK_CONFLICT", `all ${candidates.length} subnets that mk may use are taken`, {
    hint: "Join an existing network with --kvm2-network, or remove networks that are not used.",
  });
}

/** What a machine's network cannot be beside. */
export function inTheWay({ taken, routes }: UsedSubnets): readonly string[] {
  return [...taken, ...notBroader(PREFIX, routes)];
}

/** Whether a range shares an address with any of the others. */
export function overlapsAny(cidr: string, others: readonly string[]): boolean {
  const range = parseSubnet(cidr);
  return range !== undefined && findOverlap(range, others) !== undefined;
}

function subnetOf(candidate: string): Subnet {
  return {
    cidr: `${candidate}.0/${PREFIX}`,
    netmask: "255.255.255.0",
    prefix: PREFIX,
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
