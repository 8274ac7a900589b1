import { findOverlap, parseSubnet, type Subnet } from "@mk/core";

/**
 * Where mk looks for a free subnet. Away from what may be set up later, on the host or inside the guest: Docker's own pools (172.17–31,
 * then 192.168 from its start), k3s (10.42, 10.43), libvirt (192.168.122) and minikube (192.168.39–58).
 */
const POOLS: readonly { readonly first: string; readonly count: number }[] = [
  { first: "192.168.130.0/24", count: 100 },
  { first: "10.77.0.0/24", count: 250 },
];

/** The subnets of mk's pools, in order, that touch none of `used`. */
export function* freeSubnets(used: readonly string[]): Generator<Subnet, void, undefined> {
  for (const { first, count } of POOLS) {
    const start = parseSubnet(first);
    if (start === undefined) throw new TypeError(`not a subnet: ${first}`);
    for (let index = 0; index < count; index += 1) {
      const candidate = { base: start.base + index * 2 ** (32 - start.prefix), prefix: start.prefix };
      if (findOverlap(candidate, used) === undefined) yield candidate;
    }
  }
}
