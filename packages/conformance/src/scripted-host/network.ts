import { type Duplex, duplexPair } from "node:stream";
import { type ConnectTarget, MkError, type Network, type PortLease } from "@mk/core";
import type { ScriptedFiles } from "./files.js";

/** A program is addressed by its whole command line: what it carries is that of its listener. */
export type Address = ConnectTarget;
/** A server on the scripted network: called with its end of each new connection. */
export type ConnectionHandler = (stream: Duplex) => void;

interface Listener {
  readonly accept: ConnectionHandler;
  readonly streams: Set<Duplex>;
}

/** Ports that {@link ScriptedNetwork.leasePort} hands out. */
const FIRST_PORT = 20_000;

interface ScriptedSubnets {
  readonly usedSubnets?: readonly string[];
  readonly interfaceSubnets?: readonly string[];
}

/** The network of a scripted host: TCP and unix sockets within this process, leases, and subnets as told. */
export class ScriptedNetwork implements Network {
  readonly #files: ScriptedFiles;
  readonly #routes: readonly string[];
  readonly #interfaces: readonly string[];
  readonly #listeners = new Map<string, Listener>();
  readonly #leased = new Set<number>();
  readonly #clients = new Map<Duplex, string>();
  #nextPort = FIRST_PORT;

  constructor(
    files: ScriptedFiles,
    { usedSubnets = ["127.0.0.0/8", "192.168.1.0/24"], interfaceSubnets = [] }: ScriptedSubnets,
  ) {
    this.#files = files;
    this.#routes = usedSubnets;
    this.#interfaces = ["127.0.0.0/8", ...interfaceSubnets];
  }

  /** Listens until the returned function is called, which also cuts every connection. Throws when the address is taken. */
  listen(address: Address, accept: ConnectionHandler): () => void {
    const key = keyOf(address);
    const taken = this.#listeners.has(key) || ("port" in address && this.#leased.has(address.port));
    if (taken) throw new MkError("PORT_IN_USE", `${key} is in use`, { hint: "Choose another address." });
    if ("path" in address) this.#files.placeSocket(address.path);
    const listener: Listener = { accept, streams: new Set() };
    this.#listeners.set(key, listener);
    return () => {
      this.#listeners.delete(key);
      for (const stream of listener.streams) stream.destroy();
    };
  }

  async connect(address: Address, signal: AbortSignal): Promise<Duplex> {
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    const key = keyOf(address);
    if ("path" in address && (await this.#files.stat(address.path)) === undefined) {
      throw refused(key, `connect ENOENT ${address.path}`);
    }
    const listener = this.#listeners.get(key);
    if (listener === undefined && "argv" in address) {
      throw new MkError("COMMAND_NOT_FOUND", `${address.argv[0]} is not installed`, {
        hint: `Install ${address.argv[0]}.`,
      });
    }
    if (listener === undefined) throw refused(key, `connect ECONNREFUSED ${key}`);
    const [client, server] = duplexPair();
    tie(client, server);
    listener.streams.add(server);
    server.once("close", () => listener.streams.delete(server));
    this.#clients.set(client, key);
    client.once("close", () => this.#clients.delete(client));
    listener.accept(server);
    return client;
  }

  async leasePort({
    host = "127.0.0.1",
    preferred,
    exact = false,
  }: {
    readonly host?: string;
    readonly preferred?: number;
    readonly exact?: boolean;
  } = {}): Promise<PortLease> {
    const free = (port: number) => !this.#leased.has(port) && !this.#isListening(port);
    let port = preferred ?? 0;
    if (port === 0 || !free(port)) {
      if (exact && port !== 0) {
        throw new MkError("PORT_IN_USE", `port ${port} on ${host} is in use`, { hint: "Choose another port." });
      }
      do port = this.#nextPort++;
      while (!free(port));
    }
    this.#leased.add(port);
    return { host, port, release: async () => void this.#leased.delete(port) };
  }

  async usedSubnets(): Promise<readonly string[]> {
    return [...new Set([...this.#interfaces, ...this.#routes])];
  }

  async interfaceSubnets(): Promise<readonly string[]> {
    return this.#interfaces;
  }

  /** What is open: for an inventory. */
  open(): readonly string[] {
    return [
      ...[...this.#listeners.keys()].map((key) => `listener on ${key}`),
      ...[...this.#leased].map((port) => `lease of port ${port}`),
      ...[...this.#clients].filter(([client]) => !client.destroyed).map(([, key]) => `connection to ${key}`),
    ];
  }

  #isListening(port: number): boolean {
    return [...this.#listeners.keys()].some((key) => key.endsWith(`:${port}`));
  }
}

/** A pair of sockets ends together: when one side is destroyed the other sees the end of its stream. */
function tie(client: Duplex, server: Duplex): void {
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on("error", () => {});
    one.once("close", () => setImmediate(() => other.destroy()));
  }
}

function keyOf(address: Address): string {
  if ("path" in address) return address.path;
  if ("argv" in address) return address.argv.join(" ");
  return `${address.host === "localhost" ? "127.0.0.1" : address.host}:${address.port}`;
}

function refused(key: string, why: string): MkError {
  return new MkError("NETWORK_FAILED", `cannot connect to ${key}`, {
    hint: "Check that its service runs.",
    cause: Object.assign(new Error(why), { code: why.split(" ")[1] }),
  });
}
