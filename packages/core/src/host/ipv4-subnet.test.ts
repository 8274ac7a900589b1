import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { addressAt, findOverlap, formatSubnet, notBroader, parseSubnet, type Subnet } from "./ipv4-subnet.js";

const subnets = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 2, max: 32 }))
  .map(([base, prefix]) => parseSubnet(`${[24, 16, 8, 0].map((shift) => (base >>> shift) & 255).join(".")}/${prefix}`))
  .filter((subnet) => subnet !== undefined);

const subnet = (cidr: string): Subnet => parseSubnet(cidr) ?? expect.fail(`${cidr} is no subnet`);

describe("subnets", () => {
  test("are parsed with their host bits cleared", () => {
    expect(parseSubnet("192.168.100.77/24")).toEqual(parseSubnet("192.168.100.0/24"));
    expect(formatSubnet(subnet("255.255.255.255/8"))).toBe("255.0.0.0/8");
  });

  test.each(["", "1.2.3.4", "1.2.3/24", "1.2.3.256/24", "1.2.3.4/33", "fd00::/64", " 1.2.3.4/24", "1.2.3.4/24;"])(
    "%j is none",
    (text) => expect(parseSubnet(text)).toBeUndefined(),
  );

  property.prop([subnets])("format to what parses to the same", (some) => {
    expect(parseSubnet(formatSubnet(some))).toEqual(some);
  });

  property.prop([subnets, subnets])("overlap both ways or not at all, and themselves", (one, other) => {
    const [here, there] = [formatSubnet(one), formatSubnet(other)];
    expect(findOverlap(one, [there]) === there).toBe(findOverlap(other, [here]) === here);
    expect(findOverlap(one, [here])).toBe(here);
  });

  test("number their addresses from the first", () => {
    expect(addressAt(subnet("10.1.2.0/23"), 258)).toBe("10.1.3.2");
  });
});

describe("a network in use", () => {
  test.each(["192.168.39.0/24", "192.168.39.128/25", "192.168.39.77/32", "192.168.32.0/21", "192.168.0.0/16"])(
    "%s is in the way of 192.168.39.0/24",
    (used) => expect(findOverlap(subnet("192.168.39.0/24"), ["10.0.0.0/8", used, "192.168.39.0/24"])).toBe(used),
  );

  test("can be lived with when it is a broader one", () => {
    const used = ["10.0.0.0/8", "10.1.0.0/23", "10.1.2.0/24", "10.1.3.4/32", "fe80::/64"];
    expect(notBroader(24, used)).toEqual(["10.1.2.0/24", "10.1.3.4/32"]);
  });

  test("is in nobody's way as a default route, IPv6 or garbage", () => {
    const used = ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "fe80::/64", "nonsense", "300.1.1.1/24", "10.0.0.0/99"];
    expect(findOverlap(subnet("192.168.39.0/24"), used)).toBeUndefined();
  });
});
