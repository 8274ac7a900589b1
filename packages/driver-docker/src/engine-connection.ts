import { Agent, type ClientRequestArgs } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type Host, MkError } from "@mk/core";
import type { EnginePlace } from "./engine-place.js";

/** An engine's address, ready to connect to. */
export type EngineTarget =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: EngineTls };

interface EngineTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
}

/** Parses the address and reads the certificates. DRIVER_UNAVAILABLE for an address mk cannot use. */
export async function openTarget(
  host: Host,
  { host: address, tlsDirectory, insecure }: EnginePlace,
): Promise<EngineTarget> {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(address) ?? [];
  switch (scheme) {
    case "unix":
      return { kind: "socket", path: rest };
    case "npipe":
      return { kind: "socket", path: rest.replaceAll("/", "\\") };
    case "tcp":
    case "http":
    case "https": {
      const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
      if (url === undefined || url.hostname === "") break;
      const tls =
        tlsDirectory === undefined && scheme !== "https" ? undefined : await readTls(host, tlsDirectory, insecure);
      return {
        kind: "tcp",
        host: url.hostname.replace(/^\[|\]$/g, ""),
        // `URL` drops port 80, which is its default; docker's are 2375 and 2376.
        port: Number(url.port || (/:80(?:\/|$)/.test(rest) ? 80 : tls === undefined ? 2375 : 2376)),
        ...(tls !== undefined && { tls }),
      };
    }
    case "ssh":
      throw new MkError("DRIVER_UNAVAILABLE", `mk does not reach a Docker Engine over SSH: ${address}`, {
        hint: "Forward its socket with 'ssh -L /tmp/docker.sock:/var/run/docker.sock <host>' and set DOCKER_HOST=unix:///tmp/docker.sock.",
        details: { reason: "docker-address-unsupported" },
      });
  }
  throw new MkError("DRIVER_UNAVAILABLE", `${JSON.stringify(address)} is not the address of a Docker Engine`, {
    hint: "Set DOCKER_HOST to unix:///path or tcp://host:port, or unset it.",
    details: { reason: "docker-address-invalid" },
  });
}

async function readTls(host: Host, directory: string | undefined, insecure = false): Promise<EngineTls> {
  const read = (name: string) => (directory === undefined ? undefined : host.files.readText(`${directory}/${name}`));
  const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
  if ((cert === undefined) !== (key === undefined)) {
    throw new MkError("DRIVER_UNAVAILABLE", `${directory} has only one of cert.pem and key.pem`, {
      hint: "Set DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem.",
      details: { reason: "docker-certificates" },
    });
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: !insecure,
  };
}

/**
 * An agent whose connections are core's: the driver opens no socket itself, and a host of a test needs no real one. One agent serves one
 * request, so that its signal ends the connection while that is still being made.
 */
export function createAgent(host: Host, target: EngineTarget, signal: AbortSignal): Agent {
  const agent = new Agent({ keepAlive: false, maxSockets: 1 });
  return Object.assign(agent, {
    createConnection(_options: ClientRequestArgs, done: (error: Error | null, socket?: Duplex) => void): undefined {
      connect(host, target, signal).then(
        (socket) => done(null, socket),
        (error: Error) => done(error),
      );
    },
  });
}

async function connect(host: Host, target: EngineTarget, signal: AbortSignal): Promise<Duplex> {
  if (target.kind === "socket") return host.network.connect({ path: target.path }, signal);
  const socket = await host.network.connect({ host: target.host, port: target.port }, signal);
  return target.tls === undefined ? socket : secure(socket, target.host, target.tls, signal);
}

function secure(socket: Duplex, hostName: string, tls: EngineTls, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = connectTls({
      ...tls,
      socket,
      host: hostName,
      ...(isIP(hostName) === 0 && { servername: hostName }),
    });
    const onAbort = (): void => void secured.destroy(new Error("aborted"));
    signal.addEventListener("abort", onAbort, { once: true });
    secured.once("error", reject);
    secured.once("secureConnect", () => {
      signal.removeEventListener("abort", onAbort);
      secured.off("error", reject);
      resolve(secured);
    });
  });
}
