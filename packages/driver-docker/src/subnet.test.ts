import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { addressAt, formatSubnet, freeSubnets, overlaps, parseSubnet } from "./subnet.js";

const subnets = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 32 }))
  .map(([base, prefix]) => parseSubnet(`${[24, 16, 8, 0].map((shift) => (base >>> shift) & 255).join(".")}/${prefix}`))
  .filter((subnet) => subnet !== undefined);

const first = (used: readonly string[]) => freeSubnets(used).next().value;

describe("subnets", () => {
  test("are parsed with their host bits cleared", () => {
    expect(parseSubnet("192.168.100.77/24")).toEqual(parseSubnet("192.168.100.0/24"));
    expect(formatSubnet(parseSubnet("255.255.255.255/8") ?? { base: 0, prefix: 0 })).toBe("255.0.0.0/8");
  });

  test.each(["", "1.2.3.4", "1.2.3/24", "1.2.3.256/24", "1.2.3.4/33", "fd00::/64", " 1.2.3.4/24", "1.2.3.4/24;"])(
    "%j is none",
    (text) => expect(parseSubnet(text)).toBeUndefined(),
  );

  property.prop([subnets])("format to what parses to the same", (subnet) => {
    expect(parseSubnet(formatSubnet(subnet))).toEqual(subnet);
  });

  property.prop([subnets, subnets])("overlap both ways or not at all", (one, other) => {
    expect(overlaps(one, other)).toBe(overlaps(other, one));
    expect(overlaps(one, one)).toBe(true);
  });

  test("number their addresses from the first", () => {
    const subnet = parseSubnet("10.1.2.0/23");
    expect(subnet && addressAt(subnet, 258)).toBe("10.1.3.2");
  });
});

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

  test("ends when nothing is free", () => {
    expect(first(["192.168.0.0/16", "10.0.0.0/8"])).toBeUndefined();
  });

  property.prop([fc.array(subnets, { maxLength: 30 })])("never answers one that overlaps what is used", (used) => {
    for (const free of [...freeSubnets(used.map(formatSubnet))].slice(0, 5)) {
      expect(used.some((taken) => taken.prefix > 1 && overlaps(taken, free))).toBe(false);
    }
  });
});
