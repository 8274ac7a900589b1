import { describe, expect, test } from "vitest";
import { createNodeHost } from "./node-host.js";
import { parseNetstat, parseProcNetRoute } from "./subnets.js";

describe("used subnets", () => {
  test("are read from Linux' routes, bridges that are down included", () => {
    const text = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
      "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0",
      "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
      "tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0",
      "tun0\t80FF10AC\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0",
      "tun0\t0501A8C0\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0",
      "garbage",
      "",
    ].join("\n");
    expect(parseProcNetRoute(text)).toEqual([
      "192.168.1.0/24",
      "172.17.0.0/16",
      "10.0.0.0/8",
      "172.16.255.128/25",
      "192.168.1.5/32",
    ]);
  });

  test("are read from macOS' routes", () => {
    const text = [
      "Routing tables",
      "",
      "Internet:",
      "Destination        Gateway            Flags               Netif Expire",
      "default            192.168.1.1        UGScg                 en0",
      "10/8               utun3              USc                 utun3",
      "127                127.0.0.1          UCS                   lo0",
      "127.0.0.1          127.0.0.1          UH                    lo0",
      "172.16.4/23        link#20            UCS              bridge100",
      "192.168.64         link#21            UC               bridge101      !",
      "192.168.1.7        a4:b1:c1:0:0:1     UHLWIi                en0   1180",
      "224.0.0/4          link#6             UmCS                  en0      !",
    ].join("\n");
    expect(parseNetstat(text)).toEqual([
      "10.0.0.0/8",
      "127.0.0.0/8",
      "127.0.0.1/32",
      "172.16.4.0/23",
      "192.168.64.0/24",
      "192.168.1.7/32",
      "224.0.0.0/4",
    ]);
  });

  test("of this computer have the loopback network, and no default route", async () => {
    const subnets = await createNodeHost().network.usedSubnets();
    expect(subnets).toContain("127.0.0.0/8");
    expect(subnets.filter((subnet) => subnet.endsWith("/0"))).toEqual([]);
    expect(new Set(subnets).size).toBe(subnets.length);
    expect(subnets).toEqual(expect.arrayContaining([...(await createNodeHost().network.interfaceSubnets())]));
  });
});
