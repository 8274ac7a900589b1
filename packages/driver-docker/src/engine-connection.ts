import { Agent, type ClientRequestArgs } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type Host, MkError } from "@mk/core";
import type { EnginePlace } from "./engine-place.js";

/** An engine's address, ready to connect to. */
export type EngineTarget =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: EngineTls }
  | { readonly kind: "ssh"; readonly host: string; readonly argv: readonly [string, ...string[]] };

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
    case "ssh": {
      const target = await sshTarget(host, address);
      if (target === undefined) break;
      return target;
    }
  }
  throw new MkError("DRIVER_UNAVAILABLE", `${JSON.stringify(address)} is not the address of a Docker Engine`, {
    hint: "Set DOCKER_HOST to unix:///path, tcp://host:port or ssh://user@host, or unset it.",
    details: { reason: "docker-address-invalid" },
  });
}

/**
 * `ssh://[user@]host[:port][/path of the socket]`, spoken as docker/cli's connhelper speaks it: each connection is an `ssh` that runs
 * `docker system dial-stdio` there. Keys, agents, jump hosts and aliases are those of the user's ssh. Undefined for no such address.
 */
async function sshTarget(host: Host, address: string): Promise<EngineTarget | undefined> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.hostname === "" || url.password !== "") return undefined;
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const destination = [
    ...(url.username === "" ? [] : ["-l", decodeURIComponent(url.username)]),
    ...(url.port === "" ? [] : ["-p", url.port]),
    // Nothing after it is an option, whatever it begins with.
    "--",
    name,
  ];
  const socket = url.pathname.length > 1 ? ["--host", `unix://${decodeURIComponent(url.pathname)}`] : [];
  // The name may be an alias of the user's configuration; published ports are at what it stands for.
  const { stdout } = await host.run("ssh", ["-G", ...destination]);
  return {
    kind: "ssh",
    host: /^hostname (.+)$/m.exec(stdout)?.[1] ?? name,
    argv: ["ssh", "-T", ...destination, "docker", ...socket, "system", "dial-stdio"],
  };
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
  if (target.kind === "ssh") return host.network.connect({ argv: target.argv }, signal);
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
    const onError = (error: Error): void => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    secured.once("error", onError);
    secured.once("secureConnect", () => {
      signal.removeEventListener("abort", onAbort);
      secured.off("error", onError);
      resolve(secured);
    });
  });
}
