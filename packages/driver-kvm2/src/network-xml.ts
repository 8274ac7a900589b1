import { MkError } from "@mk/core";
import { XMLParser } from "fast-xml-parser";
import type { Subnet } from "./subnet.js";
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
  readonly name: string;
  readonly gateway?: string;
  readonly netmask?: string;
  readonly hosts: readonly { readonly mac: string; readonly ip: string }[];
}

// Attribute values as they stand: nothing is a number, nothing is an entity of a document type.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: (name) => name === "host" || name === "ip" || name === "disk",
});

/** What mk needs to know of a network. PROTOCOL_ERROR for text that is no network's XML. */
export function parseNetworkXml(xml: string): NetworkFacts {
  const network = objectAt(parser.parse(xml), "network");
  if (!network) throw new MkError("PROTOCOL_ERROR", "libvirt described a network in XML that mk cannot read");
  const ip = (network.ip as readonly Record<string, unknown>[] | undefined)?.find(
    (candidate) => candidate["@family"] !== "ipv6",
  );
  const hosts = ip ? ((objectAt(ip, "dhcp")?.host as readonly Record<string, unknown>[] | undefined) ?? []) : [];
  return {
    name: String(network.name),
    ...(ip && { gateway: String(ip["@address"]), netmask: String(ip["@netmask"]) }),
    hosts: hosts.map((host) => ({ mac: String(host["@mac"]), ip: String(host["@ip"]) })),
  };
}

function objectAt(value: unknown, key: string): Record<string, unknown> | undefined {
  const inner = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : undefined;
}
