import { fc, test as property } from "@fast-check/vitest";
import { findOverlap, formatSubnet } from "@mk/core";
import { describe, expect, test } from "vitest";
import { freeSubnets } from "./subnet.js";

const subnets = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`);

const first = (routes: readonly string[], taken: readonly string[] = []) => freeSubnets(taken, routes).next().value;

describe("the search for a free subnet", () => {
  test("passes over what is used, narrower and wider, and says nothing of IPv6 and default routes", () => {
    const used = [
      "0.0.0.0/0",
      "0.0.0.0/1",
      "128.0.0.0/1",
      "fe80::/64",
      "192.168.130.200/32",
      "192.168.131.0/25",
      "192.168.132.0/23",
    ];
    expect(formatSubnet(first(used) ?? { base: 0, prefix: 0 })).toBe("192.168.134.0/24");
  });

  test("goes on in another private range when one is a VPN's whole", () => {
    expect(formatSubnet(first(["192.168.0.0/16"]) ?? { base: 0, prefix: 0 })).toBe("10.77.0.0/24");
  });

  test("goes into the routes of a VPN that has all private ranges, past what is somebody's own", () => {
    const vpn = ["192.168.0.0/16", "10.0.0.0/8"];
    const found = first([...vpn, "192.168.130.0/24"], ["192.168.131.0/25"]);
    expect(formatSubnet(found ?? { base: 0, prefix: 0 })).toBe("192.168.132.0/24");
  });

  test("ends when nothing is free", () => {
    expect(first([], ["192.168.0.0/16", "10.0.0.0/8"])).toBeUndefined();
  });

  property.prop([fc.array(subnets, { maxLength: 30 })])("never answers one that overlaps what is taken", (used) => {
    for (const free of [...freeSubnets(used, [])].slice(0, 5)) expect(findOverlap(free, used)).toBeUndefined();
  });
});
