import type { CallOptions, DockerEnvironment, Forward, MachineHandle, MachineInfo, StartRequest } from "../api.js";
import { ENGINE_PORT } from "../contract/guest.js";
import type { Operation } from "../contract/operation.js";
import type { Endpoint, MachineAccess, MachineStatus } from "../contract/status.js";
import { MkError } from "../errors.js";
import type { PhaseTiming } from "../events/event.js";
import { machineSource } from "../events/event-log.js";
import { type Call, streamCall } from "../lifecycle/call.js";
import type { Engine } from "../lifecycle/engine.js";
import { askDriver } from "../lifecycle/inspect-machine.js";
import type { Instance } from "../lifecycle/instance.js";
import * as commands from "../lifecycle/machine-commands.js";
import { type MachineSession, openSession } from "../lifecycle/machine-session.js";
import { readConfig } from "../lifecycle/stored-machine.js";
import type { Way } from "../ssh/forward.js";
import type { Transport } from "../ssh/transport.js";
import { Connection } from "./connection.js";
import { dockerEnvironment } from "./docker-environment.js";
import { machineInfo } from "./machine-info.js";

export interface HandleInit {
  readonly engine: Engine;
  readonly name: string;
  readonly instance: Instance;
  readonly onDispose?: StartRequest["onDispose"];
  readonly timings?: readonly PhaseTiming[];
}

/** The handle users hold. It keeps one connection to the machine and nothing else of its state. */
export function createMachineHandle({
  engine,
  name,
  instance,
  onDispose = "keep",
  timings = [],
}: HandleInit): MachineHandle {
  const closing = new AbortController();
  const closed = new AbortController();
  const connection = new Connection(engine, name, instance.open);
  const forwards = new Set<AsyncDisposable>();
  let phases = timings;

  const call = <T>(
    what: string,
    options: CallOptions | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => instance.run(`${what} of machine ${JSON.stringify(name)}`, options ?? {}, work);

  /** A call that may start or stop the machine. The connection outlives one that does neither, and with it what uses it. */
  const lifecycleCall = (signal: AbortSignal, { timeoutMs }: CallOptions = {}): Call => ({
    signal,
    timeoutMs,
    onPower: () => void connection.close(),
  });

  /** Does something in the running machine. */
  const reach = <T>(
    what: string,
    options: CallOptions | undefined,
    work: (transport: Transport, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => call(what, options, (signal) => connection.use(signal, (transport) => work(transport, signal)));

  /** Asks the running machine's driver one thing. */
  const ask = <T>(
    what: string,
    options: CallOptions | undefined,
    question: (session: MachineSession, op: Operation) => Promise<T>,
  ): Promise<T> =>
    call(what, options, (signal) =>
      withSession(engine, name, signal, async (session) => {
        await commands.assertRunning(session, signal);
        return await askDriver(session, signal, (op) => question(session, op));
      }),
    );

  const handle: MachineHandle = {
    name,
    get timings() {
      return phases;
    },
    info: (options): Promise<MachineInfo> => call("info", options, (signal) => machineInfo(engine, name, signal)),
    status: async (options): Promise<MachineStatus> => (await handle.info(options)).status,
    start: (options = {}) =>
      call("start", options, async (signal) => {
        const started: PhaseTiming[] = [];
        const onPhase = (phase: PhaseTiming): void => void started.push(phase);
        await commands.start(engine, name, options, { ...lifecycleCall(signal, options), onPhase });
        phases = started;
      }),
    stop: (options) =>
      call("stop", options, (signal) => commands.stop(engine, name, lifecycleCall(signal, options), options?.force)),
    restart: (options) =>
      call("restart", options, async (signal) => {
        const started: PhaseTiming[] = [];
        const onPhase = (phase: PhaseTiming): void => void started.push(phase);
        await commands.restart(engine, name, { ...lifecycleCall(signal, options), onPhase });
        phases = started;
      }),
    delete: (options) =>
      call("deletion", options, (signal) =>
        commands.remove(engine, name, lifecycleCall(signal, options), options?.forget),
      ),
    pause: (options) =>
      call("pause", options, (signal) => commands.pause(engine, name, lifecycleCall(signal, options))),
    resume: (options) =>
      call("resume", options, (signal) => commands.resume(engine, name, lifecycleCall(signal, options))),
    exec: (argv, options) =>
      reach("command", options, (transport, signal) => transport.exec(argv, { ...options, signal })),
    script: (text, { input: _none, ...options } = {}) =>
      reach("script", options, (transport, signal) => transport.script(text, { ...options, signal })),
    copyTo: (source, target, options) =>
      reach("copy", options, (transport, signal) => transport.copyTo(source, target, signal)),
    copyFrom: (source, target, options) =>
      reach("copy", options, (transport, signal) => transport.copyFrom(source, target, signal)),
    endpoint: (guestPort, options): Promise<Endpoint> =>
      ask("endpoint", options, ({ machine }, op) => machine.endpoint(guestPort, op)),
    access: (options): Promise<MachineAccess> =>
      ask("access", options, async ({ machine, identity }, op) => {
        const access = await machine.access(op);
        return access.via === "ssh" ? { identityFile: identity.userKeyFile, ...access } : access;
      }),
    address: (options) =>
      ask("address", options, async ({ machine }, op) =>
        machine.address === undefined ? (await machine.endpoint(22, op)).host : await machine.address(op),
      ),
    forward: (from, to, options): Promise<Forward> =>
      call("forward", options, async (signal) => {
        const { forward } = await import("../ssh/forward.js");
        // Each connection goes the way into the machine that there is then: the machine may have been restarted.
        const into = (abort: AbortSignal): Promise<Transport> =>
          connection.use(abort, async (transport) => {
            await transport.connect(abort);
            return transport;
          });
        const way: Way = {
          connect: async (abort) => void (await into(abort)),
          dial: async (target, abort) => (await into(abort)).dial(target, abort),
        };
        const opened = await forward(way, engine.host.platform, { from, to, signal });
        const held: Forward = {
          local: opened.local,
          async [Symbol.asyncDispose]() {
            forwards.delete(held);
            instance.open.delete(held);
            await opened[Symbol.asyncDispose]();
          },
        };
        forwards.add(held);
        instance.open.add(held);
        return held;
      }),
    docker: (options): Promise<DockerEnvironment> =>
      ask("docker environment", options, async (session, op) =>
        dockerEnvironment(session, await session.machine.endpoint(ENGINE_PORT, op)),
      ),
    console: (options = {}) =>
      streamCall(
        `console of machine ${JSON.stringify(name)}`,
        AbortSignal.any([instance.signal, closing.signal]),
        options,
        (signal) => commands.readConsole(engine, name, signal, options),
      ),
    // Who reads them within the block disposes the handle only after the last one: that must come with the instance's abort too, but not
    // before what its roll-backs tell.
    events: () =>
      engine.events.read({
        source: machineSource(name),
        signal: AbortSignal.any([closed.signal, instance.settled]),
      }),
    async [Symbol.asyncDispose]() {
      if (closing.signal.aborted) return;
      closing.abort();
      try {
        await Promise.all([...forwards].map((forward) => forward[Symbol.asyncDispose]()));
        await connection[Symbol.asyncDispose]();
        await keepPromise();
      } finally {
        closed.abort();
      }
    },
  };
  return handle;

  /** What `onDispose` promises holds after an abort as well: Ctrl-C within the block must not leave the machine running. */
  async function keepPromise(): Promise<void> {
    if (onDispose === "keep") return;
    const what = `${onDispose === "stop" ? "stop" : "deletion"} of machine ${JSON.stringify(name)}`;
    const command = onDispose === "stop" ? commands.stop : commands.remove;
    await instance.finish(what, (signal) => command(engine, name, { signal })).catch(unlessAbsent);
  }
}

async function withSession<T>(
  engine: Engine,
  name: string,
  signal: AbortSignal,
  work: (session: MachineSession) => Promise<T>,
): Promise<T> {
  await using session = await openSession(engine, await readConfig(engine, name), signal);
  return await work(session);
}

/** Somebody else was quicker: what was to be done is done. */
function unlessAbsent(error: unknown): void {
  if (!MkError.is(error, "MACHINE_ABSENT")) throw error;
}
