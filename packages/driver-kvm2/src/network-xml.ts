import { MkError } from "@mk/core";
import { XMLParser } from "fast-xml-parser";
import { prefixOf, type Subnet } from "./subnet.js";
import { element, toXml } from "./xml.js";

export interface NetworkSpec {
  readonly name: string;
  readonly uuid: string;
  readonly bridge: string;
  readonly subnet: Subnet;
  /** The one machine on it: a fixed lease, whether its guest asks for one or knows its address. */
  readonly host: { readonly name: string; readonly mac: string };
}

/**
 * A NAT network for one machine. `stp='off' delay='0'`: with STP a guest is unreachable for 4 s after its start, measured.
 */
export function networkXml({ name, uuid, bridge, subnet, host }: NetworkSpec): string {
  return toXml(
    element(
      "network",
      {},
      element("name", {}, name),
      element("uuid", {}, uuid),
      element("forward", { mode: "nat" }),
      element("bridge", { name: bridge, stp: "off", delay: 0 }),
      element(
        "ip",
        { address: subnet.gateway, netmask: subnet.netmask },
        element(
          "dhcp",
          {},
          element("range", { start: subnet.address, end: subnet.address }),
          element("host", { mac: host.mac, name: host.name, ip: subnet.address }),
        ),
      ),
    ),
  );
}

export interface NetworkFacts {
  /** The host's IPv4 addresses on it; none for a bridge of the host. */
  readonly addresses: readonly { readonly gateway: string; readonly prefix: number }[];
  /** Whether libvirt's own DHCP server answers on it, whose leases can be read. */
  readonly dhcp: boolean;
  readonly hosts: readonly { readonly mac: string; readonly ip: string }[];
  /** Name of its bridge; empty where it has none. */
  readonly bridge: string;
  /** Interfaces of running domains on it. */
  readonly connections: number;
}

// Attribute values as they stand: nothing is a number, nothing is an entity of a document type.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: (name) => name === "host" || name === "ip",
});

/** What mk needs to know of a network. PROTOCOL_ERROR for text that is no network's XML. */
export function parseNetworkXml(xml: string): NetworkFacts {
  const network = objectAt(parser.parse(xml), "network");
  if (!network) throw new MkError("PROTOCOL_ERROR", "libvirt described a network in XML that mk cannot read");
  const ips = recordsAt(network, "ip").filter((ip) => ip["@family"] !== "ipv6");
  const dhcp = ips.map((ip) => objectAt(ip, "dhcp")).filter((each) => each !== undefined);
  const hosts = dhcp.flatMap((each) => recordsAt(each, "host"));
  return {
    addresses: ips.map((ip) => ({ gateway: String(ip["@address"]), prefix: prefixOfIp(ip) })),
    dhcp: dhcp.length > 0,
    hosts: hosts.map((host) => ({ mac: String(host["@mac"]).toLowerCase(), ip: String(host["@ip"]) })),
    bridge: String(objectAt(network, "bridge")?.["@name"] ?? ""),
    connections: Number(network["@connections"] ?? 0),
  };
}

/** Said as a prefix or as a netmask; left out, libvirt takes the address' class. */
function prefixOfIp(ip: Record<string, unknown>): number {
  if (ip["@prefix"] !== undefined) return Number(ip["@prefix"]);
  if (ip["@netmask"] !== undefined) return prefixOf(String(ip["@netmask"]));
  const first = Number(String(ip["@address"]).split(".")[0]);
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

function recordsAt(value: Record<string, unknown>, key: string): readonly Record<string, unknown>[] {
  const found = value[key];
  return Array.isArray(found) ? found.filter((each) => typeof each === "object" && each !== null) : [];
}

function objectAt(value: unknown, key: string): Record<string, unknown> | undefined {
  const inner = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : undefined;
}
