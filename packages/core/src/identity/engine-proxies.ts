/** dockerd's names for its proxies, and the host's variables for them in the order in which docker reads them. */
const VARIABLES = [
  ["http-proxy", ["HTTP_PROXY", "http_proxy"]],
  ["https-proxy", ["HTTPS_PROXY", "https_proxy"]],
] as const;

const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

export interface EngineProxies {
  /** `proxies` of daemon.json, which may hold passwords; undefined where the engine is to use none. */
  readonly settings: Readonly<Record<string, string>> | undefined;
  /** Names of the host's variables that are left out: what the proxy's address means on the host, it does not mean in a guest. */
  readonly unreachable: readonly string[];
}

/** The proxies in the host's environment as the engine of a guest can use them. */
export function engineProxies(env: Readonly<Record<string, string | undefined>>): EngineProxies {
  const settings: Record<string, string> = {};
  const unreachable: string[] = [];
  for (const [setting, names] of VARIABLES) {
    const name = names.find((each) => env[each]) ?? names[0];
    const proxy = env[name];
    if (!proxy) continue;
    if (isReachable(proxy)) settings[setting] = proxy;
    else unreachable.push(name);
  }
  if (Object.keys(settings).length === 0) return { settings: undefined, unreachable };
  const exceptions = env.NO_PROXY || env.no_proxy;
  const noProxy = [...(exceptions ? [exceptions] : []), ...LOOPBACK].join(",");
  return { settings: { ...settings, "no-proxy": noProxy }, unreachable };
}

/** Not the host's loopback. A proxy without a scheme is one of HTTP, as docker reads it. */
function isReachable(proxy: string): boolean {
  const url = proxy.includes("://") ? proxy : `http://${proxy}`;
  return URL.canParse(url) && !/^(localhost|127\.[\d.]+|\[::1?\]|0\.0\.0\.0)$/i.test(new URL(url).hostname);
}
