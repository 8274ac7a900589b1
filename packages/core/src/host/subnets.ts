import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import type { RunTool } from "./boot-id.js";
import { formatSubnet, parseSubnet } from "./ipv4-subnet.js";

/** The subnets of the host's interfaces and IPv4 routes, as CIDR with the host bits clear, without default routes and repeats. */
export async function usedSubnets(platform: NodeJS.Platform, run: RunTool): Promise<readonly string[]> {
  // Routes too: an interface that is down, such as an idle bridge, is not listed, and a VPN's subnets are routes only.
  const routes = await routesOf(platform, run);
  return [...new Set([...interfaceSubnets(), ...routes])].sort();
}

/** The subnets of the addresses of the host's interfaces, in the same form. */
export function interfaceSubnets(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flat();
  return [...new Set(addresses.flatMap((address) => (address?.cidr ? [networkOf(address.cidr)] : [])))];
}

async function routesOf(platform: NodeJS.Platform, run: RunTool): Promise<readonly string[]> {
  switch (platform) {
    case "linux":
      return parseProcNetRoute(await readFile("/proc/net/route", "utf8").catch(() => ""));
    case "win32":
      return [];
    default:
      return parseNetstat(await run("netstat", ["-rn", "-f", "inet"]).catch(() => ""));
  }
}

/** /proc/net/route: addresses and masks are hexadecimal, as a little-endian machine's memory has them. */
export function parseProcNetRoute(text: string): readonly string[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, destination = "", , , , , , mask = ""] = line.trim().split(/\s+/);
      if (!/^[0-9A-F]{8}$/i.test(destination) || !/^[0-9A-F]{8}$/i.test(mask)) return [];
      const prefix = bitsOf(Number.parseInt(mask, 16));
      return prefix === 0 ? [] : [`${fromLittleEndian(destination)}/${prefix}`];
    });
}

/**
 * `netstat -rn` of macOS: `10/8`, `192.168.64` (as many octets as the class or mask has), `127.0.0.1` (a host), `172.16.0.0/12`,
 * `192.168.64/24`, `link#5`.
 */
export function parseNetstat(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const [destination = "", , flags = ""] = line.trim().split(/\s+/);
    const match = /^(\d{1,3}(?:\.\d{1,3}){0,3})(?:\/(\d{1,2}))?$/.exec(destination);
    if (match === null) return [];
    const octets = (match[1] ?? "").split(".");
    const prefix = match[2] === undefined ? (flags.includes("H") ? 32 : octets.length * 8) : Number(match[2]);
    if (prefix === 0 || prefix > 32) return [];
    return [networkOf(`${[...octets, "0", "0", "0"].slice(0, 4).join(".")}/${prefix}`)];
  });
}

/** Clears the host bits of an IPv4 CIDR; IPv6 ones are left as they are. */
function networkOf(cidr: string): string {
  const subnet = parseSubnet(cidr);
  return subnet === undefined ? cidr : formatSubnet(subnet);
}

function fromLittleEndian(hex: string): string {
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((octet) => Number.parseInt(octet, 16))
    .join(".");
}

function bitsOf(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}
