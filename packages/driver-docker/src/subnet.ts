/** An IPv4 network: `base` is its first address as an unsigned 32-bit number. */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

/**
 * Where mk looks for a free subnet. Away from what may be set up later, on the host or inside the guest: Docker's own pools (172.17–31,
 * then 192.168 from its start), k3s (10.42, 10.43), libvirt (192.168.122) and minikube (192.168.39–58).
 */
const POOLS: readonly { readonly first: string; readonly count: number }[] = [
  { first: "192.168.130.0/24", count: 100 },
  { first: "10.77.0.0/24", count: 250 },
];

/** Parses `a.b.c.d/p`, with the host bits cleared. Undefined for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return undefined;
  return { base: mask(a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d, prefix), prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefix}`;
}

/** The address at this place of a subnet: 1 is the gateway's, 2 the machine's. */
export function addressAt(subnet: Subnet, index: number): string {
  return formatAddress(subnet.base + index);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  const prefix = Math.min(one.prefix, other.prefix);
  return mask(one.base, prefix) === mask(other.base, prefix);
}

/** The subnets of mk's pools, in order, that touch none of `used`: CIDRs, of which IPv6 and default routes are passed over, also
 * as the two halves that VPNs route in its place. */
export function* freeSubnets(used: readonly string[]): Generator<Subnet, void, undefined> {
  const taken = used.map(parseSubnet).filter((subnet) => subnet !== undefined && subnet.prefix > 1);
  for (const { first, count } of POOLS) {
    const start = parseSubnet(first);
    if (start === undefined) throw new TypeError(`not a subnet: ${first}`);
    for (let index = 0; index < count; index += 1) {
      const candidate = { base: start.base + index * 2 ** (32 - start.prefix), prefix: start.prefix };
      if (!taken.some((subnet) => subnet !== undefined && overlaps(subnet, candidate))) yield candidate;
    }
  }
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** Arithmetic rather than `<<`, which is signed and takes its count modulo 32. */
function mask(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) * size;
}
