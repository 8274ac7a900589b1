import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";
import type { PortLease } from "../contract/host.js";
import { MkError } from "../errors.js";
import { errnoOf } from "./file-error.js";

export interface PortRequest {
  readonly host?: string;
  readonly preferred?: number;
  readonly exact?: boolean;
}

/** How often the system may choose a port whose UDP twin is taken before that is no longer chance. */
const MAX_CHOICES = 64;

/** By then the program that a port was released for listens on it, or has failed. */
const CLAIM_MS = 60_000;

/** The UDP port of a lease, and the timer that gives it back after the lease was released. */
interface Claim {
  readonly socket: Socket;
  expiry: NodeJS.Timeout | undefined;
}

/**
 * Leases TCP ports. A lease also binds the UDP port of the same number and keeps it for a minute after its release: in the moment in which
 * the TCP port is free for the program that is started next, another mk process cannot be given it. The kernel gives the claim back however
 * mk ends.
 */
export class PortLeases {
  readonly #claims = new Map<string, Claim>();

  async lease({ host = "127.0.0.1", preferred, exact = false }: PortRequest = {}): Promise<PortLease> {
    if (preferred !== undefined && preferred !== 0) {
      const lease = await this.#take(host, preferred, exact);
      if (lease !== undefined) return lease;
      if (exact) {
        throw new MkError("PORT_IN_USE", `port ${preferred} of ${host} is taken`, {
          hint: `End the program that listens on port ${preferred}, or choose another port.`,
          details: { host, port: preferred },
        });
      }
    }
    for (let choice = 0; choice < MAX_CHOICES; choice++) {
      const lease = await this.#take(host, 0, false);
      if (lease !== undefined) return lease;
    }
    throw new MkError("PORT_IN_USE", `no port of ${host} is free`, { details: { host } });
  }

  async #take(host: string, wanted: number, exact: boolean): Promise<PortLease | undefined> {
    const server = await listen(host, wanted);
    if (server === undefined) return undefined;
    const port = portOf(server);
    // The user's own choice stands even where an unrelated program has the UDP port.
    if (!(await this.#claim(host, port)) && !exact) {
      await closed(server);
      return undefined;
    }
    let releasing: Promise<void> | undefined;
    const release = (): Promise<void> => {
      releasing ??= closed(server).then(() => this.#letExpire(keyOf(host, port)));
      return releasing;
    };
    return { host, port, release };
  }

  async #claim(host: string, port: number): Promise<boolean> {
    const key = keyOf(host, port);
    const held = this.#claims.get(key);
    if (held !== undefined) {
      clearTimeout(held.expiry);
      return true;
    }
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const isBound = await new Promise<boolean>((resolve) => {
      socket.once("error", () => resolve(false));
      socket.bind({ address: host, port, exclusive: true }, () => resolve(true));
    });
    if (!isBound) {
      socket.close();
      return false;
    }
    socket.unref();
    this.#claims.set(key, { socket, expiry: undefined });
    return true;
  }

  #letExpire(key: string): void {
    const claim = this.#claims.get(key);
    if (claim === undefined) return;
    claim.expiry = setTimeout(() => {
      this.#claims.delete(key);
      claim.socket.close();
    }, CLAIM_MS).unref();
  }
}

function keyOf(host: string, port: number): string {
  return `${host} ${port}`;
}

/** The listening server, or undefined when the port is taken. */
function listen(host: string, port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const errno = errnoOf(error);
      if (errno === "EADDRINUSE") return resolve(undefined);
      const isDenied = errno === "EACCES" || errno === "EPERM";
      const code = isDenied ? "PERMISSION_DENIED" : "NETWORK_FAILED";
      reject(
        new MkError(code, `cannot listen on port ${port} of ${host}: ${error.message}`, {
          hint: isDenied && port < 1024 ? "Choose a port of 1024 or above." : undefined,
          cause: error,
          details: { host, port },
        }),
      );
    });
    // Once it listens, an error is that of one connection that could not be accepted, which nobody here wants.
    server.listen({ host, port, exclusive: true }, () => resolve(server.on("error", () => undefined)));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
  return address.port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
