/** An IPv4 network: `base` is its first address as an unsigned 32-bit number. */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

/** Parses `a.b.c.d/p`, with the host bits cleared. Undefined for anything else, IPv6 included. */
export function parseSubnet(cidr: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return undefined;
  return { base: mask(a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d, prefix), prefix };
}

/** The subnet as `a.b.c.d/p`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefix}`;
}

/** The address at this place of a subnet, counted from its first, which is the network's own. */
export function addressAt(subnet: Subnet, index: number): string {
  return formatAddress(subnet.base + index);
}

/**
 * The first of the networks in use that shares an address with a subnet: what a new network must not do. `used` is as `Host.network.usedSubnets` has it;
 * IPv6 is passed over, and default routes, which overlap everything: also as the two halves 0.0.0.0/1 and 128.0.0.0/1, which VPNs route in their place.
 */
export function findOverlap(subnet: Subnet, used: readonly string[]): string | undefined {
  return used.find((cidr) => {
    const other = parseSubnet(cidr);
    if (other === undefined || other.prefix < 2) return false;
    const prefix = Math.min(subnet.prefix, other.prefix);
    return mask(subnet.base, prefix) === mask(other.base, prefix);
  });
}

/**
 * Those of the networks in use that are not broader than a network of this prefix. A broader route, as of a VPN to all of 10.0.0.0/8, can be
 * lived with: the more specific one wins, so that the network works and hides only its own addresses of what the route leads to.
 */
export function notBroader(prefix: number, used: readonly string[]): readonly string[] {
  return used.filter((cidr) => (parseSubnet(cidr)?.prefix ?? 0) >= prefix);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** Arithmetic rather than `<<`, which is signed and takes its count modulo 32. */
function mask(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) * size;
}
