import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { findLease, parseDhcpdLeases } from "./leases.js";

const MAC = "52:54:00:0a:0b:0c";
const NOW_MS = 0x60000000 * 1000;

function block(values: Readonly<Record<string, string>>): string {
  return `{\n${Object.entries(values)
    .map(([key, value]) => `\t${key}=${value}\n`)
    .join("")}}\n`;
}

const ours = (ip: string, lease: string) =>
  block({ name: "mk", ip_address: ip, hw_address: "1,52:54:0:a:b:c", identifier: "1,52:54:0:a:b:c", lease });

describe("parseDhcpdLeases", () => {
  test("reads addresses whose octets lost their leading zeros", () => {
    expect(parseDhcpdLeases(ours("192.168.64.2", "0x60000001"))).toEqual([
      { name: "mk", ipAddress: "192.168.64.2", macAddress: MAC, expiresAt: 0x60000001 },
    ]);
  });

  test("reads lines that end in CRLF", () => {
    const text = ours("192.168.64.2", "0x60000001").replaceAll("\n", "\r\n");
    expect(parseDhcpdLeases(text)).toHaveLength(1);
  });

  test("passes over blocks and lines that it cannot use, and keeps the others", () => {
    const text = [
      "garbage\n=\n}\n",
      block({ name: "no address" }),
      block({ ip_address: "192.168.64.300", hw_address: "1,1:2:3:4:5:6" }),
      block({ ip_address: "192.168.64.9", hw_address: "ff,f1:f5:dd:7f:0:2:0:0:ab:11" }),
      "{\n\tip_address=192.168.64.8\n", // its end is missing
      ours("192.168.64.2", "not a number"),
      "{\n\tip_address=192.168.64.7\n\thw_address=1,1:2:3:4:5:6\n", // cut off by the end of the file
    ].join("");
    expect(parseDhcpdLeases(text)).toEqual([{ name: "mk", ipAddress: "192.168.64.2", macAddress: MAC }]);
  });

  const line = fc.oneof(fc.string(), fc.constantFrom("{", "}", "ip_address=1.2.3.4", "hw_address=1,1:2:3:4:5:6"));
  test.prop([fc.array(line)])("answers for any text without throwing", (lines) => {
    for (const lease of parseDhcpdLeases(lines.join("\n"))) expect(lease.macAddress).toMatch(/^[0-9a-f:]{17}$/);
  });

  test("reads 10 MB", () => {
    const text = ours("192.168.64.2", "0x60000001").repeat(1 + Math.ceil(10_000_000 / 110));
    expect(text.length).toBeGreaterThan(10_000_000);
    expect(parseDhcpdLeases(text).length).toBeGreaterThan(80_000);
  });
});

describe("findLease", () => {
  const find = (text: string, mac = MAC) => findLease(parseDhcpdLeases(text), mac, NOW_MS)?.ipAddress;

  test("compares addresses and not their spelling", () => {
    expect(find(ours("192.168.64.2", "0x60000001"), "52-54-0-A-B-C")).toBe("192.168.64.2");
    expect(find(ours("192.168.64.2", "0x60000001"), "52:54:00:0a:0b:0d")).toBeUndefined();
  });

  test("takes the newest of several leases, wherever it stands", () => {
    const text =
      ours("192.168.64.2", "0x60000001") + ours("192.168.64.3", "0x60000009") + ours("192.168.64.4", "0x60000005");
    expect(find(text)).toBe("192.168.64.3");
  });

  test("takes the first of equally new ones", () => {
    expect(find(ours("192.168.64.2", "0x60000001") + ours("192.168.64.3", "0x60000001"))).toBe("192.168.64.2");
  });

  test("does not take an expired lease", () => {
    expect(find(ours("192.168.64.2", "0x5fffffff"))).toBeUndefined();
    expect(find(ours("192.168.64.2", "0x60000000"))).toBeUndefined();
  });

  test("takes a lease without an expiry only when there is no other", () => {
    const eternal = block({ ip_address: "192.168.64.9", hw_address: `1,${MAC}` });
    expect(find(eternal)).toBe("192.168.64.9");
    expect(find(eternal + ours("192.168.64.2", "0x60000001"))).toBe("192.168.64.2");
  });

  test("finds nothing for what is no MAC address", () => {
    expect(find(ours("192.168.64.2", "0x60000001"), "nonsense")).toBeUndefined();
  });
});
