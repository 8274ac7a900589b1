import {
  addressAt,
  findOverlap,
  formatSubnet,
  type Host,
  MkError,
  notBroader,
  type Operation,
  parseSubnet,
  type Subnet,
} from "@mk/core";
import type { Engine } from "./engine.js";
import { engineSaid } from "./engine-error.js";
import { asArray, asList, asOptionalString, asRecord, asString, asStrings, type JsonRecord } from "./json-reader.js";
import { LABELS, machineFilter, objectName, ownedBy } from "./labels.js";
import { freeSubnets } from "./subnet.js";

/** A machine's own network: one bridge per machine, so that removing a machine removes all of it and no machine sees another. */
export interface MachineNetwork {
  readonly id: string;
  /** The machine's fixed address. */
  readonly address: string;
}

interface NetworkWish {
  readonly engine: Engine;
  readonly host: Host;
  readonly machine: { readonly id: string; readonly name: string };
  /** The subnet the user asked for, or the one the machine had. */
  readonly subnet: string | undefined;
}

/**
 * The machine's network, made when it is not there: `docker system prune` takes the network of a stopped machine. NETWORK_CONFLICT when
 * the name is another's, or no subnet is free; the message says what is in the way.
 */
export async function ensureNetwork(
  wish: NetworkWish,
  { signal, log }: Pick<Operation, "signal" | "log">,
): Promise<MachineNetwork> {
  const { engine, host, machine } = wish;
  const name = objectName(machine.name);
  const networks = await listNetworks(engine, {}, signal);
  const present = networks.filter((network) => network.name === name);
  const own = present.find(({ labels }) => ownedBy(labels, machine.id));
  if (own !== undefined && own.subnets[0] !== undefined) return { id: own.id, address: addressAt(own.subnets[0], 2) };
  if (present.length > 0) throw foreign(name);

  // The administrator's MTU, given for the default bridge: a VPN that needs it needs it for every bridge (minikube #9528).
  const mtu = networks.find((network) => network.name === "bridge")?.mtu;
  let clash: MkError | undefined;
  const routes = await host.network.usedSubnets();
  for (const subnet of await candidates(wish, networks, routes)) {
    try {
      const id = await createNetwork(engine, machine, subnet, mtu, signal);
      const route = findOverlap(subnet, routes);
      if (route !== undefined) {
        log("the machine's network hides its addresses from a route of the host", {
          subnet: formatSubnet(subnet),
          route,
        });
      }
      return { id, address: addressAt(subnet, 2) };
    } catch (error) {
      // Taken since the list was made, or by something the list does not show: the next one.
      if (!/overlap|conflicts with|in use|already exists/i.test(engineSaid(error) ?? "") || !MkError.is(error))
        throw error;
      if (/network with name .* already exists/i.test(engineSaid(error) ?? "")) throw foreign(name, error);
      clash = error;
    }
  }
  throw new MkError("NETWORK_CONFLICT", `no subnet is free for machine ${JSON.stringify(machine.name)}`, {
    hint: "Give one with --docker-subnet.",
    cause: clash,
  });
}

/** Removes the machine's networks. NETWORK_CONFLICT when a container that is not the machine's is still attached. */
export async function removeNetworks(engine: Engine, machineId: string, signal: AbortSignal): Promise<void> {
  for (const { id, name } of await listNetworks(engine, machineFilter(machineId), signal)) {
    try {
      await engine.call({ method: "DELETE", path: ["networks", id], accept: [404] }, signal);
    } catch (error) {
      if (!/active endpoints/i.test(engineSaid(error) ?? "")) throw error;
      const guests = await attachedContainers(engine, id, signal);
      throw new MkError(
        "NETWORK_CONFLICT",
        `other containers are attached to the network ${name}: ${guests.join(", ")}`,
        {
          hint: `Detach them with 'docker network disconnect ${name} <container>' and delete the machine again.`,
          details: { network: name, containers: guests },
          cause: error,
        },
      );
    }
  }
}

async function candidates(
  { host, subnet }: NetworkWish,
  networks: readonly Network[],
  routes: readonly string[],
): Promise<Iterable<Subnet>> {
  const interfaces = await host.network.interfaceSubnets();
  const wanted = subnet === undefined ? undefined : parseSubnet(subnet);
  if (wanted === undefined) {
    const engines = networks.flatMap((network) => network.subnets.map(formatSubnet));
    return freeSubnets([...interfaces, ...engines], routes);
  }
  const other = networks.find((network) => findOverlap(wanted, network.subnets.map(formatSubnet)) !== undefined);
  const route = findOverlap(wanted, [...interfaces, ...notBroader(wanted.prefix, routes)]);
  if (other === undefined && route === undefined) return [wanted];
  const what = other === undefined ? `the host's network ${route}` : `the Docker network ${other.name}`;
  throw new MkError("NETWORK_CONFLICT", `the subnet ${formatSubnet(wanted)} overlaps ${what}`, {
    hint: "Choose another one with --docker-subnet, or leave it out.",
    details: { subnet: formatSubnet(wanted), overlaps: other?.name ?? route },
  });
}

async function createNetwork(
  engine: Engine,
  machine: NetworkWish["machine"],
  subnet: Subnet,
  mtu: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const body = networkRequest(machine, subnet, mtu);
  const answer = await engine.call({ method: "POST", path: ["networks", "create"], body }, signal);
  return asString(asRecord(answer.body, "the created network").Id, "Id");
}

/** The body of `POST /networks/create`. */
export function networkRequest(machine: NetworkWish["machine"], subnet: Subnet, mtu: string | undefined): object {
  return {
    Name: objectName(machine.name),
    // Before API 1.44 two networks may have one name unless this is asked for.
    CheckDuplicate: true,
    Driver: "bridge",
    IPAM: { Driver: "default", Config: [{ Subnet: formatSubnet(subnet), Gateway: addressAt(subnet, 1) }] },
    ...(mtu !== undefined && { Options: { [MTU]: mtu } }),
    Labels: { [LABELS.machine]: machine.id, [LABELS.name]: machine.name },
  };
}

interface Network {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly subnets: readonly Subnet[];
  readonly mtu: string | undefined;
}

const MTU = "com.docker.network.driver.mtu";

async function listNetworks(engine: Engine, filters: object, signal: AbortSignal): Promise<readonly Network[]> {
  const { body } = await engine.call({ method: "GET", path: ["networks"], query: { filters } }, signal);
  return asArray(body, "the list of networks").map((item) => parseNetwork(asRecord(item, "a network")));
}

function parseNetwork(network: JsonRecord): Network {
  const configs = asList(asRecord(network.IPAM ?? {}, "IPAM").Config, "a network's subnets");
  return {
    id: asString(network.Id, "a network's id"),
    name: asString(network.Name, "a network's name"),
    labels: asStrings(network.Labels, "a network's labels"),
    mtu: asStrings(network.Options, "a network's options")[MTU],
    subnets: configs.flatMap((item) => {
      const subnet = parseSubnet(asOptionalString(asRecord(item, "a subnet").Subnet) ?? "");
      return subnet === undefined ? [] : [subnet];
    }),
  };
}

async function attachedContainers(engine: Engine, id: string, signal: AbortSignal): Promise<readonly string[]> {
  const { body } = await engine.call({ method: "GET", path: ["networks", id] }, signal);
  const containers = asRecord(asRecord(body, "a network").Containers ?? {}, "a network's containers");
  return Object.values(containers).map((item) => asString(asRecord(item, "a container").Name, "Name"));
}

function foreign(name: string, cause?: unknown): MkError {
  return new MkError("NETWORK_CONFLICT", `the engine has a network ${name} that is not this machine's`, {
    hint: `Choose another machine name, or remove that network with 'docker network rm ${name}'.`,
    details: { network: name },
    cause,
  });
}
