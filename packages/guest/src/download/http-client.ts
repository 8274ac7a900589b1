import type { Dispatcher } from "undici";

/** Proxies as the host states them; an environment variable wins over apt's configuration. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** What of `fetch` downloads need. */
export type HttpGet = (
  url: string,
  init: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<HttpResponse>;

export interface HttpResponse {
  readonly status: number;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** Proxies of the usual environment variables, both spellings; lower case wins, as curl has it. That of http serves https too. */
export function proxyFromEnvironment(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const read = (name: string): string | undefined => env[name] || env[name.toUpperCase()] || undefined;
  const httpProxy = read("http_proxy") ?? read("all_proxy");
  return { httpProxy, httpsProxy: read("https_proxy") ?? read("all_proxy") ?? httpProxy, noProxy: read("no_proxy") };
}

/** A GET that follows at most 5 redirects and goes through a proxy if one is set. undici is only loaded when it is needed. */
export function httpClient(proxy: ProxySettings): HttpGet {
  if (proxy.httpProxy === undefined && proxy.httpsProxy === undefined) return followRedirects(fetchDirect);
  let dispatcher: Dispatcher | undefined;
  return followRedirects(async (url, init) => {
    if ((new URL(url).protocol === "https:" ? proxy.httpsProxy : proxy.httpProxy) === undefined) {
      return await fetchDirect(url, init);
    }
    // Node's own fetch ignores proxy variables, and takes no dispatcher of another undici: so both come from one copy.
    const undici = await import("undici");
    dispatcher ??= new undici.EnvHttpProxyAgent({
      httpProxy: proxy.httpProxy ?? "",
      httpsProxy: proxy.httpsProxy ?? "",
      noProxy: proxy.noProxy ?? "",
      // http is asked of the proxy itself: most proxies allow CONNECT to port 443 alone.
      proxyTunnel: false,
    });
    return (await undici.fetch(url, { ...init, redirect: "manual", dispatcher })) as HttpResponse;
  });
}

const fetchDirect: HttpGet = async (url, init) => (await fetch(url, { ...init, redirect: "manual" })) as HttpResponse;

const MAX_REDIRECTS = 5;

/** Follows redirects itself, so that a loop ends soon and https never falls back to http. */
function followRedirects(get: HttpGet): HttpGet {
  return async (url, init) => {
    let current = url;
    for (let redirects = 0; ; redirects++) {
      const response = await get(current, init);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || response.status === 304 || location === null)
        return response;
      await drain(response);
      if (redirects === MAX_REDIRECTS) throw new Error(`${url} redirects more than ${MAX_REDIRECTS} times`);
      const next = new URL(location, current);
      if (next.protocol !== "https:" && (next.protocol !== "http:" || new URL(current).protocol === "https:")) {
        throw new Error(`${current} redirects to ${next.href}, which is less secure`);
      }
      current = next.href;
    }
  };
}

/** Frees the connection of a response whose body is not wanted. */
export async function drain(response: HttpResponse): Promise<void> {
  if (response.body === null) return;
  await response.body[Symbol.asyncIterator]().return?.(undefined);
}
