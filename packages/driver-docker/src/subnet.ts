import { findOverlap, notBroader, parseSubnet, type Subnet } from "@mk/core";

/**
 * Where mk looks for a free subnet. Away from what may be set up later, on the host or inside the guest: Docker's own pools (172.17–31,
 * then 192.168 from its start), k3s (10.42, 10.43), libvirt (192.168.122) and minikube (192.168.39–58).
 */
const POOLS: readonly { readonly first: string; readonly count: number }[] = [
  { first: "192.168.130.0", count: 100 },
  { first: "10.77.0.0", count: 250 },
];
const PREFIX = 24;

/**
 * The subnets of mk's pools, in order, that touch neither what is taken nor a route of the host; then those that touch broader routes
 * alone, for a host whose VPN routes all private ranges.
 */
export function* freeSubnets(taken: readonly string[], routes: readonly string[]): Generator<Subnet, void, undefined> {
  for (const avoided of [routes, notBroader(PREFIX, routes)]) {
    for (const candidate of pooled()) {
      if (findOverlap(candidate, taken) === undefined && findOverlap(candidate, avoided) === undefined) yield candidate;
    }
  }
}

function* pooled(): Generator<Subnet, void, undefined> {
  for (const { first, count } of POOLS) {
    const start = parseSubnet(`${first}/${PREFIX}`);
    if (start === undefined) throw new TypeError(`not an address: ${first}`);
    for (let index = 0; index < count; index += 1) {
      yield { base: start.base + index * 2 ** (32 - PREFIX), prefix: PREFIX };
    }
  }
}
