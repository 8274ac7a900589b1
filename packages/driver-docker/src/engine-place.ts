import { createHash } from "node:crypto";
import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import { parseJson } from "./parse-json.js";

/** Where an engine is, as plain JSON: recorded with a machine, so that another context or DOCKER_HOST does not lose it. */
export interface EnginePlace {
  /** `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
  /** Directory with ca.pem, cert.pem and key.pem: TLS is spoken when it is there. */
  readonly tlsDirectory?: string;
  /** The server's certificate is not verified: the user's own setting. */
  readonly insecure?: boolean;
  /** The Docker context it came from. */
  readonly context?: string;
}

/**
 * The engine the docker CLI would use now: DOCKER_HOST, else DOCKER_CONTEXT, else the configured context, else the default socket.
 * The order is that of docker/cli's `resolveContextName`. DRIVER_UNAVAILABLE for a context that does not exist.
 *
 * A DOCKER_HOST {@link isMachinesOwn of a machine} is passed over: a machine made there would live in that machine and end with it.
 */
export async function currentEngine(host: Host): Promise<EnginePlace> {
  const { DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH } = host.env;
  const configDirectory = DOCKER_CONFIG || `${host.homeDirectory}/.docker`;
  if (DOCKER_HOST && !isMachinesOwn(host.env)) {
    const tls = Boolean(DOCKER_TLS_VERIFY || DOCKER_TLS);
    return {
      host: DOCKER_HOST.includes("://") ? DOCKER_HOST : `tcp://${DOCKER_HOST}`,
      ...(tls && { tlsDirectory: DOCKER_CERT_PATH || configDirectory }),
      ...(tls && !DOCKER_TLS_VERIFY && { insecure: true }),
    };
  }
  const context = DOCKER_CONTEXT || (await configuredContext(host, `${configDirectory}/config.json`));
  if (context === undefined || context === "default") return { host: await defaultSocket(host) };
  return contextPlace(host, configDirectory, context);
}

/**
 * Whether DOCKER_HOST is still what `mk env` made it, so the engine in a machine. By the address: whoever sets another one later leaves
 * the rest of `mk env` in place, its certificates too.
 */
export function isMachinesOwn({ DOCKER_HOST, MK_ACTIVE_DOCKER_HOST }: Host["env"]): boolean {
  return Boolean(DOCKER_HOST) && DOCKER_HOST === MK_ACTIVE_DOCKER_HOST;
}

/** Parses what {@link EnginePlace} was recorded as; undefined for anything else. */
export function parsePlace(raw: unknown): EnginePlace | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const { host, tlsDirectory, insecure, context } = raw as Readonly<Record<string, unknown>>;
  if (typeof host !== "string") return undefined;
  return {
    host,
    ...(typeof tlsDirectory === "string" && { tlsDirectory }),
    ...(insecure === true && { insecure }),
    ...(typeof context === "string" && { context }),
  };
}

async function configuredContext(host: Host, path: string): Promise<string | undefined> {
  const text = await host.files.readText(path);
  // A config file that does not parse is docker's to complain about: like docker, go on without it.
  const config = text === undefined ? undefined : parseJson(text);
  if (typeof config !== "object" || config === null || !("currentContext" in config)) return undefined;
  return typeof config.currentContext === "string" && config.currentContext !== "" ? config.currentContext : undefined;
}

async function contextPlace(host: Host, configDirectory: string, context: string): Promise<EnginePlace> {
  // docker/cli names a context's directory by the SHA-256 of its name.
  const key = createHash("sha256").update(context).digest("hex");
  const path = `${configDirectory}/contexts/meta/${key}/meta.json`;
  const text = await host.files.readText(path);
  const endpoint = text === undefined ? undefined : dockerEndpoint(parseJson(text));
  if (endpoint === undefined) {
    throw new MkError("DRIVER_UNAVAILABLE", `the Docker context ${JSON.stringify(context)} does not exist`, {
      hint: "Choose one with 'docker context use', or unset DOCKER_CONTEXT.",
      details: { context, path },
    });
  }
  const tlsDirectory = `${configDirectory}/contexts/tls/${key}/docker`;
  const tls = (await host.files.stat(tlsDirectory)) !== undefined;
  return {
    host: endpoint.host,
    ...(tls && { tlsDirectory }),
    ...(endpoint.insecure && { insecure: true }),
    context,
  };
}

function dockerEndpoint(meta: unknown): { readonly host: string; readonly insecure: boolean } | undefined {
  if (typeof meta !== "object" || meta === null || !("Endpoints" in meta)) return undefined;
  const endpoint = (meta.Endpoints as { docker?: { Host?: unknown; SkipTLSVerify?: unknown } } | null)?.docker;
  if (typeof endpoint?.Host !== "string" || endpoint.Host === "") return undefined;
  return { host: endpoint.Host, insecure: endpoint.SkipTLSVerify === true };
}

async function defaultSocket(host: Host): Promise<string> {
  if (host.platform === "win32") return "npipe:////./pipe/docker_engine";
  // Docker Desktop for Mac keeps its socket here unless the user allowed the privileged link.
  const own = `${host.homeDirectory}/.docker/run/docker.sock`;
  const path = host.platform === "darwin" && (await host.files.stat(own)) !== undefined ? own : "/var/run/docker.sock";
  return `unix://${path}`;
}
