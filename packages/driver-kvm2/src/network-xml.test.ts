import { XMLParser } from "fast-xml-parser";
import { describe, expect, it } from "vitest";
import { networkXml, parseNetworkXml } from "./network-xml.js";
import { chooseSubnet } from "./subnet.js";

const spec = {
  name: "mk-dev",
  uuid: "5f0e7b1c-3a43-8c1e-9a59-0d7a2f1b6c11",
  bridge: "mk0123456789",
  subnet: chooseSubnet({ taken: [], routes: [] }),
  host: { name: "dev", mac: "52:54:00:12:34:56" },
};

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "@", htmlEntities: true });

describe("networkXml", () => {
  it("is the golden file", async () => {
    await expect(networkXml(spec)).toMatchFileSnapshot("../test/golden/network.golden.xml");
  });

  it("is the golden file for a name with every special character, and parses back to it", async () => {
    const name = `a b'"<>&,;$`;
    const xml = networkXml({ ...spec, name, bridge: name, host: { ...spec.host, name } });
    await expect(xml).toMatchFileSnapshot("../test/golden/network-hostile.golden.xml");
    const { network } = parser.parse(xml);
    expect([network.name, network.bridge["@name"], network.ip.dhcp.host["@name"]]).toEqual([name, name, name]);
    expect(parseNetworkXml(xml)).toEqual({
      addresses: [{ gateway: "192.168.39.1", prefix: 24 }],
      dhcp: true,
      hosts: [{ mac: spec.host.mac, ip: "192.168.39.2" }],
      bridge: name,
      connections: 0,
    });
  });
});

describe("parseNetworkXml", () => {
  it("reads a network without addresses, such as a bridge of the host", () => {
    expect(parseNetworkXml("<network><name>br</name><forward mode='bridge'/><bridge name='br0'/></network>")).toEqual({
      addresses: [],
      dhcp: false,
      hosts: [],
      bridge: "br0",
      connections: 0,
    });
  });

  it("counts the interfaces of running domains", () => {
    expect(parseNetworkXml("<network connections='2'><name>n</name></network>").connections).toBe(2);
  });

  it("passes over IPv6", () => {
    const xml =
      "<network><name>n</name><ip family='ipv6' address='fd00::1' prefix='64'/><ip address='10.1.0.1' netmask='255.255.0.0'/></network>";
    expect(parseNetworkXml(xml).addresses).toEqual([{ gateway: "10.1.0.1", prefix: 16 }]);
  });

  it("reads every address, with a prefix, a netmask, or neither, as libvirt takes them", () => {
    const ips = ["address='192.168.39.1' prefix='24'", "address='172.20.0.1'", "address='10.0.0.1'"];
    const xml = `<network><name>n</name>${ips.map((ip) => `<ip ${ip}/>`).join("")}</network>`;
    expect(parseNetworkXml(xml).addresses).toEqual([
      { gateway: "192.168.39.1", prefix: 24 },
      { gateway: "172.20.0.1", prefix: 16 },
      { gateway: "10.0.0.1", prefix: 8 },
    ]);
  });

  it.each(["", "<domain/>", "garbage"])("refuses %j", (xml) => {
    expect(() => parseNetworkXml(xml)).toThrowError(expect.objectContaining({ code: "PROTOCOL_ERROR" }));
  });
});
