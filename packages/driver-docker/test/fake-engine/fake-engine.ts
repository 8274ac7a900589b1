import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import {
  type ContainerBody,
  type FakeContainer,
  type FakeImage,
  type FakeNetwork,
  type FakeVolume,
  Refusal,
} from "./objects.js";
import { route } from "./routes.js";

/** What goes wrong with a request: no answer, a cut connection, a failure, another server's page, JSON of the wrong shape, a torn answer, or all is well but late. */
export type Fault = "hang" | "reset" | "error" | "page" | "lie" | "torn" | "late";

/** A Docker Engine in memory behind real HTTP: enough of the API for this driver, with the words and statuses of engine 20.10. */
export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly networks = new Map<string, FakeNetwork>();
  readonly volumes = new Map<string, FakeVolume>();
  readonly images = new Map<string, FakeImage>();
  /** Capabilities the engine's own process lacks: `--privileged` is refused then. */
  readonly withheld = new Set<string>();
  /** Capabilities the engine is too old to know. */
  readonly unknownCapabilities = new Set(["BPF", "CHECKPOINT_RESTORE", "PERFMON"]);
  /** Host ports that other programs listen on. */
  readonly takenPorts = new Set<number>();
  /** Merged over what `/info` and `/version` answer. */
  info: Readonly<Record<string, unknown>> = {};
  version: Readonly<Record<string, unknown>> = {};
  /** Called for each request; answers how it goes wrong, if it does. */
  misbehave: (method: string, path: string) => Fault | undefined = () => undefined;
  /** What late requests wait for. */
  late: Promise<void> = Promise.resolve();
  /** Whether guests end when they are told to. */
  isGuestObedient = true;
  /** Every request so far, as `METHOD /path`. */
  readonly requests: string[] = [];
  readonly server: Server;
  #serial = 0;

  constructor() {
    this.networks.set("bridge", { id: "bridge", name: "bridge", labels: {}, subnet: "172.17.0.0/16" });
    this.server = createServer((request, response) => void this.#serve(request, response));
    this.server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** Serves HTTP on a connection of a scripted host. */
  accept(stream: Duplex): void {
    this.server.emit("connection", stream);
  }

  /** The engine's host lost its power: what ran does not. */
  reboot(): void {
    for (const container of this.containers.values()) {
      if (container.state === "running" || container.state === "paused") this.end(container);
    }
  }

  /** What exists, one line each; images are a cache and not counted. */
  inventory(): readonly string[] {
    return [
      ...[...this.containers.values()].map(({ name }) => `container ${name}`),
      ...[...this.networks.values()].map(({ name }) => `network ${name}`),
      ...[...this.volumes.values()].map(({ name }) => `volume ${name}`),
    ];
  }

  newId(): string {
    this.#serial += 1;
    return createHash("sha256").update(String(this.#serial)).digest("hex");
  }

  addContainer(name: string, request: ContainerBody): FakeContainer {
    const network = this.networks.get(request.HostConfig.NetworkMode ?? "bridge");
    const container: FakeContainer = {
      id: this.newId(),
      name,
      request,
      state: "created",
      error: "",
      finishedAt: "0001-01-01T00:00:00Z",
      console: [],
      files: [],
      archive: "",
      networkId: network?.id ?? "",
      watchers: new Set(),
    };
    this.containers.set(container.id, container);
    return container;
  }

  find(idOrName: string): FakeContainer {
    const found = [...this.containers.values()].find(({ id, name }) => id === idOrName || name === idOrName);
    if (found === undefined) throw new Refusal(404, `No such container: ${idOrName}`);
    return found;
  }

  start(container: FakeContainer): void {
    const { HostConfig } = container.request;
    const mode = HostConfig.NetworkMode ?? "bridge";
    if (mode !== "none" && this.networks.get(mode)?.id !== container.networkId) {
      throw new Refusal(404, `network ${container.networkId} not found`);
    }
    const asked = HostConfig.Privileged === true ? ["SYS_RESOURCE", ...this.withheld] : (HostConfig.CapAdd ?? []);
    if (asked.some((name) => this.withheld.has(name))) {
      throw new Refusal(
        400,
        "failed to create shim task: OCI runtime create failed: unable to apply caps: operation not permitted: unknown",
      );
    }
    for (const { HostIp, HostPort } of Object.values(HostConfig.PortBindings ?? {}).flat()) {
      if (!this.takenPorts.has(Number(HostPort))) continue;
      throw new Refusal(
        500,
        `driver failed programming external connectivity on endpoint ${container.name} (${container.id}): Error starting userland proxy: listen tcp4 ${HostIp}:${HostPort}: bind: address already in use`,
      );
    }
    container.state = "running";
    this.print(container, "mk-guest: init uptime=0.1\r\nmk-guest: ssh uptime=0.3\r\nmk-guest: ready uptime=1.2\r\n");
    if (container.request.Labels?.["dev.mk.role"] === "trial") this.end(container);
  }

  print(container: FakeContainer, text: string): void {
    container.console.push({ at: Date.now(), text });
    this.changed(container);
  }

  end(container: FakeContainer): void {
    container.state = "exited";
    container.finishedAt = new Date().toISOString().replace("Z", "999999Z");
    this.changed(container);
  }

  changed(container: FakeContainer): void {
    for (const wake of [...container.watchers]) wake();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://docker");
    const path = url.pathname.replace(/^\/v[\d.]+/, "");
    const method = request.method ?? "GET";
    this.requests.push(`${method} ${path}`);
    switch (this.misbehave(method, path)) {
      case "hang":
        return;
      case "reset":
        request.socket.destroy();
        return;
      case "error":
        return reply(response, 500, { message: "something is wrong with the engine" });
      case "page":
        response.writeHead(200, { "content-type": "text/html" });
        response.end("<html>a proxy</html>");
        return;
      case "lie":
        return reply(response, 200, 42);
      case "torn":
        response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
        response.write('{"Id":');
        setImmediate(() => request.socket.destroy());
        return;
      case "late":
        await this.late;
    }
    try {
      const body = await readBody(request);
      await route(this, { method, path, query: url.searchParams, body }, response);
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      reply(response, status, { message: error instanceof Error ? error.message : String(error) });
    }
  }
}

export function reply(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, body === undefined ? {} : { "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
