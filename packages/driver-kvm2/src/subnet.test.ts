import { describe, expect, it } from "vitest";
import { chooseSubnet, prefixOf } from "./subnet.js";

const routed = (...routes: string[]) => chooseSubnet({ taken: [], routes }).cidr;

describe("chooseSubnet", () => {
  it("begins where minikube does", () => {
    expect(chooseSubnet({ taken: [], routes: [] })).toMatchObject({
      cidr: "192.168.39.0/24",
      gateway: "192.168.39.1",
      address: "192.168.39.2",
    });
  });

  it.each([["192.168.39.0/24"], ["192.168.39.128/25"], ["192.168.39.77/32"], ["192.168.32.0/21"]])(
    "steps over a subnet that overlaps %s",
    (used) => {
      expect(routed(used)).toBe("192.168.50.0/24");
    },
  );

  it("leaves 192.168.0.0/16 when all of it is taken", () => {
    expect(routed("192.168.0.0/16")).toBe("172.30.0.0/24");
  });

  it("does not take a default route, IPv6 or garbage for a taken subnet", () => {
    expect(
      routed("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "fe80::/64", "nonsense", "300.1.1.1/24", "10.0.0.0/99"),
    ).toBe("192.168.39.0/24");
  });

  it("takes one within the route of a VPN when all are in such routes, and none that is somebody's own", () => {
    expect(routed("192.168.0.0/16", "172.16.0.0/12")).toBe("192.168.39.0/24");
    expect(routed("192.168.0.0/16", "172.16.0.0/12", "192.168.39.0/24")).toBe("192.168.50.0/24");
    const { cidr } = chooseSubnet({ taken: ["192.168.0.0/17"], routes: ["192.168.0.0/16", "172.16.0.0/12"] });
    expect(cidr).toBe("192.168.138.0/24");
  });

  it("refuses with a fix when nothing is left", () => {
    expect(() => chooseSubnet({ taken: ["192.168.0.0/16", "172.16.0.0/12"], routes: [] })).toThrowError(
      expect.objectContaining({ code: "NETWORK_CONFLICT", hint: expect.stringContaining("--kvm2-network") }),
    );
  });
});

describe("prefixOf", () => {
  it.each([
    ["255.255.255.0", 24],
    ["255.255.0.0", 16],
    ["255.255.255.252", 30],
    ["0.0.0.0", 0],
  ])("counts the ones of %s", (netmask, prefix) => {
    expect(prefixOf(netmask)).toBe(prefix);
  });
});
