import { GUEST_PORTS, type Host, type MachineSpec, type PortLease } from "@mk/core";
import { inspectContainer, listContainers, type PublishedPort } from "./container.js";
import type { Engine } from "./engine.js";
import { LABELS } from "./labels.js";

/** Ports of the host, held until they are released for the engine. */
export interface ChosenPorts {
  readonly ports: readonly PublishedPort[];
  release(): Promise<void>;
}

interface PortWish {
  readonly engine: Engine;
  readonly host: Host;
  readonly spec: MachineSpec;
  /** Where mk's own ports are published. */
  readonly listenAddress: string;
  /** Whether the engine publishes on this host's addresses, so that ports can be held here. */
  readonly isLocal: boolean;
  /** What the machine had: kept, so that addresses given to other programs stay right (minikube #11041). */
  readonly previous: readonly PublishedPort[];
}

/**
 * Fixed host ports for a machine. The engine's own random ports change at every start; these are chosen once, are published by number,
 * and are no other mk container's, running or stopped. PORT_IN_USE for a port the user asked for that is taken.
 */
export async function choosePorts(wish: PortWish, signal: AbortSignal): Promise<ChosenPorts> {
  const leases: PortLease[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(leases.map((lease) => lease.release()));
  };
  try {
    const wanted = wantedPorts(wish);
    const open = wanted.filter((port) => port.hostPort === 0).length;
    const reserved = new Set(open === 0 ? [] : await reservedPorts(wish.engine, signal));
    const ports: PublishedPort[] = [];
    for (const port of wanted) {
      const hostPort = port.hostPort === 0 ? await choose(wish, port, reserved, leases) : port.hostPort;
      reserved.add(hostPort);
      ports.push({ ...port, hostPort });
    }
    return { ports, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Whether the user named this host port: then mk moves the machine to no other one. */
export function isAskedFor({ spec }: { readonly spec: MachineSpec }, port: PublishedPort): boolean {
  return spec.ports.some((asked) => asked.hostPort === port.hostPort && asked.guestPort === port.guestPort);
}

/** What is to be published; host port 0 where mk may choose and has no choice of before. */
function wantedPorts({ spec, listenAddress, previous }: PortWish): readonly PublishedPort[] {
  const own = GUEST_PORTS.filter(
    (guestPort) => !spec.ports.some((port) => port.guestPort === guestPort && port.hostPort === 0),
  ).map((guestPort) => ({ guestPort, hostAddress: listenAddress, hostPort: 0 }));
  return [...own, ...spec.ports].map((port) => {
    if (port.hostPort !== 0) return port;
    const before = previous.find(
      ({ guestPort, hostAddress, hostPort }) =>
        guestPort === port.guestPort &&
        hostAddress === port.hostAddress &&
        !spec.ports.some((asked) => asked.hostPort === hostPort),
    );
    return { guestPort: port.guestPort, hostAddress: port.hostAddress, hostPort: before?.hostPort ?? 0 };
  });
}

async function choose(
  { host, isLocal, spec }: PortWish,
  { hostAddress, guestPort }: PublishedPort,
  reserved: ReadonlySet<number>,
  leases: PortLease[],
): Promise<number> {
  if (!isLocal) {
    // No port of a remote host can be held from here: one that depends on the machine alone, and at start the engine says if it is taken.
    for (let port = remotePort(spec.id, guestPort); ; port = port === LAST_REMOTE ? FIRST_REMOTE : port + 1) {
      if (!reserved.has(port)) return port;
    }
  }
  for (;;) {
    const lease = await host.network.leasePort({ host: hostAddress });
    leases.push(lease);
    // Held all the same, so that the next answer is another one.
    if (!reserved.has(lease.port)) return lease.port;
  }
}

/** Below Linux' ephemeral ports (32768), above the registered services that servers really run. */
const FIRST_REMOTE = 20000;
const LAST_REMOTE = 29999;

function remotePort(machineId: string, guestPort: number): number {
  const hash = [...`${machineId} ${guestPort}`].reduce(
    (sum, character) => (sum * 31 + character.charCodeAt(0)) % 1_000_003,
    7,
  );
  return FIRST_REMOTE + (hash % (LAST_REMOTE - FIRST_REMOTE + 1));
}

/** Host ports of all mk containers: a stopped one listens on none and must find its own free again. */
async function reservedPorts(engine: Engine, signal: AbortSignal): Promise<readonly number[]> {
  const entries = await listContainers(engine, { label: [`${LABELS.role}=machine`] }, signal);
  const containers = await Promise.all(entries.map(({ id }) => inspectContainer(engine, id, signal)));
  return containers.flatMap((container) => container?.ports.map(({ hostPort }) => hostPort) ?? []);
}
