import { BlockList, isIP } from "node:net";

type Environment = Readonly<Record<string, string | undefined>>;

const PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
const EXCEPTIONS = ["NO_PROXY", "no_proxy"];

/** What docker's client never asks a proxy for, whatever the variables say. */
const LOOPBACK = "localhost,127.0.0.0/8,::1";

/**
 * The variables that keep what is sent to `address` (an IP address or a name) from the proxies of `env`: what they except already, then
 * `address`. Spelled as `env` has them, and empty where nothing is to be changed.
 */
export function noProxyVariables(address: string, env: Environment): Readonly<Record<string, string>> {
  if (!PROXIES.some((name) => env[name]) || isExcepted(address, LOOPBACK)) return {};
  const present = EXCEPTIONS.filter((name) => env[name]);
  if (present.length === 0) return { NO_PROXY: address };
  return Object.fromEntries(
    present
      .map((name) => [name, env[name] ?? ""] as const)
      .filter(([, value]) => !isExcepted(address, value))
      .map(([name, value]) => [name, `${value},${address}`]),
  );
}

function isExcepted(address: string, exceptions: string): boolean {
  return exceptions
    .split(",")
    .map((entry) => entry.trim())
    .some((entry) => entry === "*" || entry === address || isInSubnet(address, entry));
}

function isInSubnet(address: string, subnet: string): boolean {
  const [, network = "", prefix] = /^(.+)\/(\d+)$/.exec(subnet) ?? [];
  const version = isIP(network);
  if (version === 0 || version !== isIP(address) || Number(prefix) > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(network, Number(prefix), family);
  return block.check(address, family);
}
