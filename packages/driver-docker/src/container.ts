import type { Engine } from "./engine.js";
import { asArray, asList, asOptionalString, asRecord, asString, asStrings, type JsonRecord } from "./json-reader.js";
import { containerFilter, LABELS, objectName } from "./labels.js";

/** A machine's container as the engine has it now. */
export interface Container {
  readonly id: string;
  readonly name: string;
  /** Docker's own word: created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** RFC 3339 with nanoseconds; the year 1 when it never ended. A start leaves it as it is. */
  readonly finishedAt: string;
  /** Digest of the request it was made by. */
  readonly requestDigest: string | undefined;
  /** By network name. */
  readonly networks: Readonly<Record<string, { readonly id: string; readonly address: string | undefined }>>;
  readonly ports: readonly PublishedPort[];
  /** As the create request had it, with the engine's defaults filled in. */
  readonly hostConfig: JsonRecord;
}

export interface PublishedPort {
  readonly guestPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** What the list of containers says of one: enough to know its state, in one call. */
export type ContainerEntry = Pick<Container, "id" | "name" | "state">;

/** The machine's container, by {@link containerFilter}. A replacement that was broken off leaves two: the one with the machine's name counts. */
export async function findEntry(
  engine: Engine,
  machine: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): Promise<ContainerEntry | undefined> {
  const found = await listContainers(engine, containerFilter(machine, "machine"), signal);
  return found.find(({ name }) => name === objectName(machine.name)) ?? found[0];
}

/** The same with all that the engine knows of it. */
export async function findContainer(
  engine: Engine,
  machine: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): Promise<Container | undefined> {
  const entry = await findEntry(engine, machine, signal);
  return entry === undefined ? undefined : inspectContainer(engine, entry.id, signal);
}

/** All containers, running or not, that the filter lets through; newest first. */
export async function listContainers(
  engine: Engine,
  filters: object,
  signal: AbortSignal,
): Promise<readonly ContainerEntry[]> {
  const { body } = await engine.call(
    { method: "GET", path: ["containers", "json"], query: { all: true, filters } },
    signal,
  );
  return asArray(body, "the list of containers").map((item) => {
    const { Id, Names, State } = asRecord(item, "a container");
    // A container that is being made or removed may have no name for a moment.
    const name = asOptionalString(asList(Names, "Names")[0]) ?? "";
    return { id: asString(Id, "Id"), name: name.replace(/^\//, ""), state: asString(State, "State") };
  });
}

/** Undefined when there is none of that id or name. */
export async function inspectContainer(
  engine: Engine,
  id: string,
  signal: AbortSignal,
): Promise<Container | undefined> {
  const { status, body } = await engine.call(
    { method: "GET", path: ["containers", id, "json"], accept: [404] },
    signal,
  );
  return status === 404 ? undefined : parseContainer(body);
}

/** Removes a container, running or not, with its anonymous volumes; one that is gone is fine. */
export async function removeContainer(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  const path = ["containers", id];
  const { status } = await engine.call(
    { method: "DELETE", path, query: { force: true, v: true }, accept: [404, 409] },
    signal,
  );
  if (status !== 409) return;
  // "removal is already in progress": someone else's, and it must have ended before anything it uses can go.
  const query = { condition: "removed" };
  await engine.call({ method: "POST", path: [...path, "wait"], query, isWait: true, accept: [404] }, signal);
}

export function parseContainer(raw: unknown): Container {
  const container = asRecord(raw, "a container");
  const state = asRecord(container.State, "State");
  const hostConfig = asRecord(container.HostConfig, "HostConfig");
  const networks = asRecord(asRecord(container.NetworkSettings, "NetworkSettings").Networks ?? {}, "Networks");
  return {
    id: asString(container.Id, "Id"),
    name: asString(container.Name, "Name").replace(/^\//, ""),
    state: asString(state.Status, "Status"),
    finishedAt: asString(state.FinishedAt, "FinishedAt"),
    requestDigest: asStrings(asRecord(container.Config, "Config").Labels, "Labels")[LABELS.request],
    networks: Object.fromEntries(
      Object.entries(networks).map(([name, value]) => {
        const network = asRecord(value, "a network");
        const configured = asRecord(network.IPAMConfig ?? {}, "IPAMConfig").IPv4Address;
        const address = asOptionalString(network.IPAddress) ?? asOptionalString(configured);
        return [name, { id: asOptionalString(network.NetworkID) ?? "", address }];
      }),
    ),
    ports: parsePorts(hostConfig.PortBindings),
    hostConfig,
  };
}

/** `{"22/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}]}`. */
function parsePorts(raw: unknown): readonly PublishedPort[] {
  return Object.entries(asRecord(raw ?? {}, "PortBindings")).flatMap(([key, bindings]) =>
    asArray(bindings ?? [], "a port's bindings").map((item) => {
      const { HostIp, HostPort } = asRecord(item, "a port binding");
      return {
        guestPort: Number.parseInt(key, 10),
        hostAddress: asOptionalString(HostIp) ?? "0.0.0.0",
        hostPort: Number(HostPort),
      };
    }),
  );
}
