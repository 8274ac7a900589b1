import type { Endpoint, Machine, MachineContext, MachineStatus, Operation } from "@mk/core";
import { GUEST_ACCESS, MkError } from "@mk/core";
import type { DockerConfig } from "./config.js";
import { readConsole } from "./console.js";
import {
  type Container,
  type ContainerEntry,
  findContainer,
  findEntry,
  inspectContainer,
  listContainers,
  removeContainer,
} from "./container.js";
import { STOP_SIGNAL } from "./container-request.js";
import type { Engine } from "./engine.js";
import { READ_LOG } from "./engine-error.js";
import { isMachinesOwn } from "./engine-place.js";
import { engineSession, remoteHost } from "./engine-session.js";
import { containerFilter, objectName } from "./labels.js";
import { ensureContainer } from "./make-container.js";
import { removeNetworks } from "./network.js";
import { removeTrials } from "./privileges.js";
import { seedArchive } from "./seed-archive.js";
import type { SettlingEngine } from "./settling-engine.js";
import { startContainer } from "./start-container.js";
import { ensureVolume, hasVolume, removeVolumes } from "./volume.js";

/** Addresses that stand for all of a host's, with the one of them by which the host reaches itself. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** One machine: a container whose data is a volume. The volume is the machine; the container is made anew whenever that is due. */
export function createMachine(config: DockerConfig, context: MachineContext): Machine {
  const { host, spec } = context;
  const session = engineSession(context);

  /** The engine and the container, for operations on a machine that has one. */
  async function present<C>(
    op: Operation,
    find: (engine: Engine, machine: typeof spec, signal: AbortSignal) => Promise<C | undefined>,
  ): Promise<{ readonly engine: SettlingEngine; readonly container: C }> {
    const engine = await session.open(op.signal);
    const container = await find(engine, spec, op.signal);
    if (container !== undefined) return { engine, container };
    throw new MkError("MACHINE_ABSENT", `the container of machine ${JSON.stringify(spec.name)} was removed`, {
      hint: `Make it anew with 'mk start -p ${spec.name}'; its data is kept.`,
    });
  }

  async function seed(engine: Engine, container: Container, op: Operation): Promise<void> {
    const remote = remoteHost(engine.target);
    const reached = [addressOf(container), remote, config.listenAddress].filter(
      (address): address is string => address !== undefined && !(address in ANY_ADDRESS),
    );
    const upload = await seedArchive(await context.seed({ addresses: reached }));
    const path = ["containers", container.id, "archive"];
    await engine.call({ method: "PUT", path, query: { path: "/" }, upload }, op.signal);
  }

  async function kill(op: Operation): Promise<void> {
    const engine = await session.open(op.signal);
    for (const { id } of await listContainers(engine, containerFilter(spec, "machine"), op.signal)) {
      // 409: it does not run.
      await signalContainer(engine, id, "SIGKILL", op, [404, 409]);
      await ended(engine, id, op);
    }
  }

  async function remove(op: Operation): Promise<void> {
    const engine = await session.open(op.signal);
    await engine.settled(op.signal);
    for (const { id } of await listContainers(engine, containerFilter(spec, "machine"), op.signal)) {
      await removeContainer(engine, id, op.signal);
    }
    await removeTrials(engine, spec, op.signal);
    await removeNetworks(engine, spec.id, op.signal);
    await removeVolumes(engine, spec.id, op.signal);
  }

  function addressOf(container: Container): string | undefined {
    return container.networks[objectName(spec.name)]?.address;
  }

  /** Where the host reaches a published port; undefined when it is not published. */
  function published(engine: Engine, container: Container, guestPort: number): Endpoint | undefined {
    const port = container.ports.find((candidate) => candidate.guestPort === guestPort);
    if (port === undefined) return undefined;
    const local = ANY_ADDRESS[port.hostAddress] ?? port.hostAddress;
    return { host: remoteHost(engine.target) ?? local, port: port.hostPort };
  }

  return {
    async inspect(op) {
      try {
        const engine = await session.open(op.signal);
        const [container, volume] = await Promise.all([
          findEntry(engine, spec, op.signal),
          hasVolume(engine, spec.id, op.signal),
        ]);
        return statusOf(container, volume);
      } catch (error) {
        op.signal.throwIfAborted();
        if (!MkError.is(error)) throw error;
        return { state: "unknown", reason: error.message };
      }
    },

    async create(op) {
      op.undo(remove);
      const engine = await session.open(op.signal);
      if (isMachinesOwn(host.env)) {
        const engineHost = engine.place.host;
        op.log(`DOCKER_HOST is that of mk env: the machine is made in ${engineHost}`, { engine: engineHost });
      }
      await session.remember(engine);
      // Keys and certificates are made while the engine works, and are kept: the start finds them. What fails here fails there again.
      const identity = context.seed().catch(() => undefined);
      try {
        await op.step("volume", "making the data volume", () => ensureVolume(engine, spec, op.signal));
        await ensureContainer({ engine, context, config }, undefined, op);
      } finally {
        await identity;
      }
    },

    async start(op) {
      const engine = await session.open(op.signal);
      op.undo(async (undo) => {
        await engine.settled(undo.signal);
        await kill(undo);
        await removeTrials(engine, spec, undo.signal);
      });
      const prepare = async (container: Container): Promise<void> => {
        await seed(engine, container, op);
        await session.remember(engine, container.finishedAt);
      };
      await startContainer({ engine, context, config }, prepare, op);
    },

    async stop(op) {
      const { engine, container } = await present(op, findEntry);
      await signalContainer(engine, container.id, STOP_SIGNAL, op, [409]);
      await op.step("shutdown", "waiting for the guest to end", () => ended(engine, container.id, op));
    },

    kill,
    remove,

    async access(op) {
      const { engine, container } = await present(op, findContainer);
      const endpoint = published(engine, container, 22);
      if (endpoint === undefined) throw notReachable(22);
      return { ...GUEST_ACCESS, ...endpoint };
    },

    async endpoint(guestPort, op) {
      const { engine, container } = await present(op, findContainer);
      const endpoint = published(engine, container, guestPort);
      if (endpoint !== undefined) return endpoint;
      const address = addressOf(container);
      const facts = await engine.facts(op.signal);
      // Only an engine on this very host has its bridges here; Docker Desktop's are in a VM, a rootless one's in a namespace.
      const isHere = host.platform === "linux" && engine.target.kind === "socket" && facts.product === "docker";
      if (isHere && !facts.isRootless && address !== undefined) return { host: address, port: guestPort };
      throw notReachable(guestPort);
    },

    async address(op) {
      const { container } = await present(op, findContainer);
      const address = addressOf(container);
      if (address !== undefined) return address;
      throw new MkError("NETWORK_FAILED", `machine ${JSON.stringify(spec.name)} has no address`, {
        hint: `Restart it with 'mk restart -p ${spec.name}'.`,
      });
    },

    async reconfigure() {
      // Everything that may change is read from the spec at each start, whether the container is still there or was pruned.
    },

    console: {
      async *read(signal) {
        try {
          const engine = await session.open(signal);
          const container = await findContainer(engine, spec, signal);
          if (container === undefined) return;
          const isOn = container.state === "running" || container.state === "paused";
          const lastEnd = isOn ? undefined : await session.lastEnd();
          yield* readConsole(engine, container, lastEnd ?? container.finishedAt, signal);
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      },
    },

    suspension: {
      async pause(op) {
        const { engine, container } = await present(op, findEntry);
        await engine.call({ method: "POST", path: ["containers", container.id, "pause"] }, op.signal);
      },
      async resume(op) {
        const { engine, container } = await present(op, findEntry);
        await engine.call({ method: "POST", path: ["containers", container.id, "unpause"] }, op.signal);
      },
    },

    async close() {
      session.current?.abandon();
    },
  };
}

function statusOf(container: ContainerEntry | undefined, hasData: boolean): MachineStatus {
  // Whoever removed the container, by `docker system prune` for one, has left the data: the next start makes another one.
  if (container === undefined) return { state: hasData ? "stopped" : "absent" };
  if (!hasData) return { state: "broken", reason: `the data volume of container ${container.name} was removed` };
  switch (container.state) {
    case "running":
      return { state: "running" };
    case "paused":
      return { state: "paused" };
    case "restarting":
      return { state: "starting" };
    case "removing":
      return { state: "stopping" };
    case "created":
    case "exited":
      return { state: "stopped" };
    default:
      return { state: "broken", reason: `container ${container.name} is ${container.state}` };
  }
}

async function signalContainer(
  engine: Engine,
  id: string,
  signal: string,
  op: Operation,
  accept: readonly number[],
): Promise<void> {
  const path = ["containers", id, "kill"];
  await engine.call({ method: "POST", path, query: { signal }, accept }, op.signal);
}

/** Returns when the container is off and the engine says so. */
async function ended(engine: Engine, id: string, op: Operation): Promise<void> {
  const query = { condition: "not-running" };
  await engine.call(
    { method: "POST", path: ["containers", id, "wait"], query, isWait: true, accept: [404] },
    op.signal,
  );
  const container = await inspectContainer(engine, id, op.signal);
  if (container === undefined || container.state === "exited" || container.state === "created") return;
  if (container.state === "dead" || container.state === "removing") return;
  throw new MkError(
    "DRIVER_FAILED",
    `container ${container.name} is ${container.state} after the engine said that it ended`,
    {
      hint: READ_LOG,
    },
  );
}

function notReachable(guestPort: number): MkError {
  return new MkError(
    "NOT_SUPPORTED",
    `port ${guestPort} of the machine is not published, and its network is not on this host`,
    {
      hint: `Stop it and start it with '--port ${guestPort} --allow=restart', or forward it over SSH.`,
      details: { guestPort },
    },
  );
}
