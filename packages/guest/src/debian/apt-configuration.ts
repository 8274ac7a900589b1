import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProxySettings } from "../download/http-client.js";
import { parseStanzas } from "./control.js";

/** One repository of the host's sources.list. */
export interface AptSource {
  /** Without a slash at its end. */
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/** What the host's administrator told apt, as far as mk follows it. */
export interface AptConfiguration {
  readonly sources: readonly AptSource[];
  readonly proxy: ProxySettings;
  /** False when `Acquire::Check-Valid-Until` is switched off. */
  readonly checkValidUntil: boolean;
}

const words = (text: string | undefined): readonly string[] => (text ?? "").split(/\s+/).filter((word) => word !== "");

/** Parses the one-line format: `deb [options] uri suite component…`. Source: man 5 sources.list. */
export function parseOneLineSources(text: string): readonly AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    if (match === null) return [];
    return [{ uri: match[1]!.replace(/\/+$/, ""), suites: [match[2]!], components: words(match[3]) }];
  });
}

/** Parses the deb822 format of `.sources` files. */
export function parseDeb822Sources(text: string): readonly AptSource[] {
  return parseStanzas(text)
    .filter((stanza) => words(stanza.get("types")).includes("deb") && stanza.get("enabled")?.toLowerCase() !== "no")
    .flatMap((stanza) =>
      words(stanza.get("uris")).map((uri) => ({
        uri: uri.replace(/\/+$/, ""),
        suites: words(stanza.get("suites")),
        components: words(stanza.get("components")),
      })),
    );
}

/**
 * Parses apt.conf: `A::B "value";` and `A { B "value"; };`, names in lower case, later values win. Lists and directives are passed over.
 * Source: man 5 apt.conf.
 */
export function parseAptConf(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const tokens = text.match(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|#[^\n]*|"(?:[^"\\]|\\.)*"|[{};]|[^\s{};"]+/g) ?? [];
  const scopes: string[] = [];
  let statement: string[] = [];
  for (const token of tokens) {
    if (token.startsWith("//") || token.startsWith("/*") || token.startsWith("#")) continue;
    if (token === "{") {
      scopes.push(statement[0] ?? "");
      statement = [];
    } else if (token === "}") {
      scopes.pop();
      statement = [];
    } else if (token === ";") {
      const [name, value] = statement;
      if (name !== undefined && value !== undefined) {
        values.set([...scopes, name].join("::").toLowerCase(), value.replace(/^"|"$/g, ""));
      }
      statement = [];
    } else statement.push(token);
  }
  return values;
}

async function readParts(directory: string, extension: RegExp): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  const chosen = names.filter((name) => extension.test(name)).sort();
  return Promise.all(chosen.map((name) => readFile(join(directory, name), "utf8").catch(() => "")));
}

const proxyOf = (value: string | undefined): string | undefined =>
  value === undefined || value === "" || value.toUpperCase() === "DIRECT" || value === "false" ? undefined : value;

const isOff = (value: string | undefined): boolean => /^(false|no|off|0|without|disable)$/i.test(value ?? "");

/** Reads apt's configuration of a Debian host; empty on any other. `root` is `/etc/apt`. */
export async function readAptConfiguration(root = "/etc/apt"): Promise<AptConfiguration> {
  const [list, lists, sources, conf, confParts] = await Promise.all([
    readFile(join(root, "sources.list"), "utf8").catch(() => ""),
    readParts(join(root, "sources.list.d"), /\.list$/),
    readParts(join(root, "sources.list.d"), /\.sources$/),
    readFile(join(root, "apt.conf"), "utf8").catch(() => ""),
    readParts(join(root, "apt.conf.d"), /^[A-Za-z0-9_-]+(\.conf)?$/),
  ]);
  const settings = new Map([...confParts, conf].flatMap((text) => [...parseAptConf(text)]));
  const httpProxy = proxyOf(settings.get("acquire::http::proxy"));
  const httpsProxy = settings.get("acquire::https::proxy");
  return {
    sources: [...[list, ...lists].flatMap(parseOneLineSources), ...sources.flatMap(parseDeb822Sources)],
    // apt too falls back to the proxy of http for https, unless it is told to go directly.
    proxy: { httpProxy, httpsProxy: httpsProxy === undefined ? httpProxy : proxyOf(httpsProxy) },
    checkValidUntil: !isOff(settings.get("acquire::check-valid-until")),
  };
}
