import type { ServerResponse } from "node:http";
import { type FakeEngine, reply } from "./fake-engine.js";
import { type ContainerBody, type FakeContainer, type FakeNetwork, Refusal } from "./objects.js";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

type Handler = (engine: FakeEngine, call: Call, response: ServerResponse, name: string) => void | Promise<void>;

/** By method and path; `*` is one segment, given to the handler. */
const ROUTES: Readonly<Record<string, Handler>> = {
  "GET /version": (engine, _call, response) =>
    reply(response, 200, {
      Version: "20.10.24",
      ApiVersion: "1.41",
      MinAPIVersion: "1.12",
      Components: [],
      ...engine.version,
    }),
  "GET /info": (engine, _call, response) =>
    reply(response, 200, {
      ID: "FAKE:ENGINE",
      OSType: "linux",
      Architecture: "x86_64",
      OperatingSystem: "Debian GNU/Linux 12",
      Driver: "overlay2",
      CgroupVersion: "2",
      CpuCfsQuota: true,
      MemoryLimit: true,
      SwapLimit: true,
      NCPU: 8,
      SecurityOptions: ["name=seccomp,profile=default"],
      ...engine.info,
    }),

  "GET /images/json": (engine, { query }, response) =>
    reply(
      response,
      200,
      [...engine.images.values()]
        .filter(({ labels }) => matches(labels, query))
        .map(({ id, tag, labels, created }) => ({ Id: id, RepoTags: [tag], Labels: labels, Created: created })),
    ),
  "POST /images/create": (engine, { query, body }, response) => {
    if (body.byteLength === 0) return reply(response, 200, { error: "unexpected EOF" });
    const [key = "", value = ""] = (query.get("changes") ?? "").replace(/^\["LABEL |^LABEL |"\]$/g, "").split("=");
    const id = `sha256:${engine.newId()}`;
    engine.images.set(id, {
      id,
      tag: `${query.get("repo")}:${query.get("tag")}`,
      labels: { [key]: value },
      created: engine.images.size,
    });
    reply(response, 200, { status: id });
  },
  "DELETE /images/*": (engine, _call, response, id) => {
    engine.images.delete(id);
    reply(response, 200, []);
  },

  "GET /networks": (engine, { query }, response) => {
    const name = filtersOf(query).name?.[0];
    const found = [...engine.networks.values()].filter(
      (network) => matches(network.labels, query) && (name === undefined || network.name.includes(name)),
    );
    reply(response, 200, found.map(networkBody));
  },
  "GET /networks/*": (engine, _call, response, id) => {
    const network = [...engine.networks.values()].find((item) => item.id === id || item.name === id);
    if (network === undefined) throw new Refusal(404, `network ${id} not found`);
    const attached = [...engine.containers.values()].filter(
      ({ networkId, state }) => networkId === network.id && state === "running",
    );
    reply(response, 200, {
      ...networkBody(network),
      Containers: Object.fromEntries(attached.map(({ id: key, name }) => [key, { Name: name }])),
    });
  },
  "POST /networks/create": (engine, { body }, response) => {
    const { Name, Labels, IPAM, Options } = JSON.parse(body.toString()) as {
      Name: string;
      Labels: Record<string, string>;
      Options?: Record<string, string>;
      IPAM: { Config: [{ Subnet: string }] };
    };
    const subnet = IPAM.Config[0].Subnet;
    if (engine.networks.has(Name)) throw new Refusal(409, `network with name ${Name} already exists`);
    if ([...engine.networks.values()].some((network) => network.subnet === subnet)) {
      throw new Refusal(403, "Pool overlaps with other one on this address space");
    }
    const id = engine.newId();
    engine.networks.set(Name, { id, name: Name, labels: Labels, subnet, ...(Options && { options: Options }) });
    reply(response, 201, { Id: id, Warning: "" });
  },
  "DELETE /networks/*": (engine, _call, response, id) => {
    const network = [...engine.networks.values()].find((item) => item.id === id);
    if (network === undefined) throw new Refusal(404, `network ${id} not found`);
    const isUsed = [...engine.containers.values()].some(
      ({ networkId, state }) => networkId === id && state === "running",
    );
    if (isUsed)
      throw new Refusal(403, `error while removing network: network ${network.name} id ${id} has active endpoints`);
    engine.networks.delete(network.name);
    reply(response, 204);
  },

  "GET /volumes": (engine, { query }, response) =>
    reply(response, 200, {
      Volumes: [...engine.volumes.values()].filter(({ labels }) => matches(labels, query)).map(volumeBody),
      Warnings: null,
    }),
  "POST /volumes/create": (engine, { body }, response) => {
    const { Name, Labels } = JSON.parse(body.toString()) as { Name: string; Labels: Record<string, string> };
    const volume = engine.volumes.get(Name) ?? { name: Name, labels: Labels };
    engine.volumes.set(Name, volume);
    reply(response, 201, volumeBody(volume));
  },
  "DELETE /volumes/*": (engine, _call, response, name) => {
    const isUsed = [...engine.containers.values()].some(({ request }) =>
      request.HostConfig.Mounts?.some(({ Source }) => Source === name),
    );
    if (isUsed) throw new Refusal(409, `remove ${name}: volume is in use`);
    reply(response, engine.volumes.delete(name) ? 204 : 404, undefined);
  },

  "GET /containers/json": (engine, { query }, response) => {
    const ancestor = filtersOf(query).ancestor?.[0];
    const volume = filtersOf(query).volume?.[0];
    const found = [...engine.containers.values()].filter(
      ({ request }) =>
        matches(request.Labels ?? {}, query) &&
        (ancestor === undefined || request.Image === ancestor) &&
        (volume === undefined || request.HostConfig.Mounts?.some(({ Source }) => Source === volume) === true),
    );
    reply(
      response,
      200,
      found.reverse().map(({ id, name, state }) => ({ Id: id, Names: [`/${name}`], State: state })),
    );
  },
  "POST /containers/create": (engine, { query, body }, response) => {
    const request = JSON.parse(body.toString()) as ContainerBody;
    const name = query.get("name") ?? `random-${engine.containers.size}`;
    const namesake = [...engine.containers.values()].find((container) => container.name === name);
    if (namesake !== undefined) {
      throw new Refusal(
        409,
        `Conflict. The container name "/${name}" is already in use by container "${namesake.id}".`,
      );
    }
    if (!engine.images.has(request.Image)) throw new Refusal(404, `No such image: ${request.Image}`);
    const unknown = request.HostConfig.CapAdd?.find((capability) => engine.unknownCapabilities.has(capability));
    if (unknown !== undefined) throw new Refusal(400, `invalid CapAdd: unknown capability: "CAP_${unknown}"`);
    reply(response, 201, { Id: engine.addContainer(name, request).id, Warnings: [] });
  },
  "GET /containers/*/json": (engine, _call, response, id) =>
    reply(response, 200, containerBody(engine, engine.find(id))),
  "POST /containers/*/rename": (engine, { query }, response, id) => {
    engine.find(id).name = query.get("name") ?? "";
    reply(response, 204);
  },
  "PUT /containers/*/archive": (engine, { body }, response, id) => {
    engine.find(id).archive = body.toString("latin1");
    // Names are the first field of each header block.
    for (let at = 0; at + 512 <= body.byteLength; at += 512) {
      const name = body
        .subarray(at, at + 100)
        .toString("latin1")
        .replace(/\0.*$/s, "");
      if (body.subarray(at + 257, at + 262).toString() === "ustar") engine.find(id).files.push(name);
    }
    reply(response, 200);
  },
  "POST /containers/*/start": (engine, _call, response, id) => {
    const container = engine.find(id);
    if (container.state === "running") return reply(response, 304);
    engine.start(container);
    reply(response, 204);
  },
  "POST /containers/*/kill": (engine, { query }, response, id) => {
    const container = engine.find(id);
    if (container.state !== "running" && container.state !== "paused") {
      throw new Refusal(409, `Cannot kill container: ${id}: Container ${id} is not running`);
    }
    if (query.get("signal") === "SIGKILL") engine.end(container);
    else if (engine.isGuestObedient) {
      engine.print(container, "mk-guest: shutdown uptime=9.9\r\n");
      setImmediate(() => engine.end(container));
    }
    reply(response, 204);
  },
  "POST /containers/*/wait": async (engine, { query }, response, id) => {
    const container = engine.find(id);
    const isOver = (): boolean =>
      query.get("condition") === "removed"
        ? !engine.containers.has(id)
        : container.state !== "running" && container.state !== "paused";
    response.flushHeaders();
    while (!isOver() && !response.destroyed) await changed(container, response);
    if (!response.destroyed) response.end(JSON.stringify({ StatusCode: 0 }));
  },
  "POST /containers/*/pause": (engine, _call, response, id) => turn(engine, response, id, "running", "paused"),
  "POST /containers/*/unpause": (engine, _call, response, id) => turn(engine, response, id, "paused", "running"),
  "GET /containers/*/logs": async (engine, { query }, response, id) => {
    const container = engine.find(id);
    const since = Number(query.get("since")) * 1000;
    response.writeHead(200, { "content-type": "application/vnd.docker.raw-stream" });
    response.flushHeaders();
    for (let at = 0; !response.destroyed; ) {
      for (const line of container.console.slice(at)) if (line.at >= since) response.write(line.text);
      at = container.console.length;
      if (container.state !== "running" && container.state !== "paused") break;
      await changed(container, response);
    }
    response.end();
  },
  "DELETE /containers/*": (engine, _call, response, id) => {
    const container = engine.find(id);
    engine.containers.delete(container.id);
    engine.end(container);
    reply(response, 204);
  },
};

/** Answers one call as engine 20.10 does. */
export async function route(engine: FakeEngine, call: Call, response: ServerResponse): Promise<void> {
  const segments = call.path
    .split("/")
    .filter((segment) => segment !== "")
    .map(decodeURIComponent);
  for (const [pattern, handler] of Object.entries(ROUTES)) {
    const [method, path = ""] = pattern.split(" ");
    const wanted = path.split("/").filter((segment) => segment !== "");
    if (method !== call.method || wanted.length !== segments.length) continue;
    if (!wanted.every((segment, index) => segment === "*" || segment === segments[index])) continue;
    return handler(engine, call, response, segments[wanted.indexOf("*")] ?? "");
  }
  throw new Refusal(404, `page not found: ${call.method} ${call.path}`);
}

function filtersOf(query: URLSearchParams): Readonly<Record<string, readonly string[]>> {
  return JSON.parse(query.get("filters") ?? "{}") as Record<string, string[]>;
}

function matches(labels: Readonly<Record<string, string>>, query: URLSearchParams): boolean {
  return (filtersOf(query).label ?? []).every((filter) => {
    const [key = "", ...value] = filter.split("=");
    return value.length === 0 ? key in labels : labels[key] === value.join("=");
  });
}

function networkBody({ id, name, labels, subnet, options = {} }: FakeNetwork): object {
  return { Id: id, Name: name, Labels: labels, IPAM: { Config: [{ Subnet: subnet }] }, Options: options };
}

function volumeBody({ name, labels }: { readonly name: string; readonly labels: object }): object {
  return { Name: name, Labels: labels, Driver: "local", Mountpoint: `/var/lib/docker/volumes/${name}/_data` };
}

function containerBody(_engine: FakeEngine, container: FakeContainer): object {
  const { request, networkId } = container;
  const endpoints = request.NetworkingConfig?.EndpointsConfig ?? {};
  return {
    Id: container.id,
    Name: `/${container.name}`,
    State: { Status: container.state, Error: container.error, FinishedAt: container.finishedAt },
    Config: { Labels: request.Labels ?? {}, Image: request.Image },
    HostConfig: { Privileged: false, ...request.HostConfig },
    NetworkSettings: {
      Networks: Object.fromEntries(
        Object.entries(endpoints).map(([name, endpoint]) => [
          name,
          {
            NetworkID: networkId,
            IPAddress: container.state === "running" ? endpoint.IPAMConfig?.IPv4Address : "",
            ...endpoint,
          },
        ]),
      ),
    },
  };
}

function turn(engine: FakeEngine, response: ServerResponse, id: string, from: string, to: "running" | "paused"): void {
  const container = engine.find(id);
  if (container.state !== from) throw new Refusal(409, `Container ${id} is not ${from}`);
  container.state = to;
  engine.changed(container);
  reply(response, 204);
}

/** Resolves at the container's next change, or when the client is gone. */
function changed(container: FakeContainer, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      container.watchers.delete(wake);
      response.off("close", wake);
      resolve();
    };
    container.watchers.add(wake);
    response.once("close", wake);
  });
}
