import type { Processes, ProcessIdentity } from "@mk/core";
import { openMachine } from "../process-driver/driver.js";
import { type Broken, processMachine } from "./broken.js";

/** Faults in what a driver does to processes, files and sockets. */
export const brokenProcesses: readonly Broken[] = [
  processMachine(
    "registers its cleanup after the side effect",
    "leaves the machine absent, and nothing else behind, whichever call fails in create",
    (_, { host, directory, image }) => ({
      create: (op) =>
        op.step("disk", "making the disk", async () => {
          await host.files.allocate(`${directory}/disk.img`, 1024);
          await image();
          await host.files.write(`${directory}/notes`, "made");
          op.undo(() => host.files.remove(`${directory}/disk.img`));
        }),
    }),
  ),
  processMachine(
    "cleans up in the wrong order",
    "leaves the machine absent, and nothing else behind, whichever call fails in create",
    (sound, { host, name }) => ({
      async create(op) {
        const parent = `/var/${name}`;
        // Newest first: the cleanup of the parent would run before the one that lists its child.
        op.undo(async () => void (await host.files.list(parent)));
        op.undo(() => host.files.remove(parent));
        await host.files.makeDirectory(parent);
        await sound.create(op);
      },
    }),
  ),
  processMachine(
    "leaves a file outside of its directory",
    "removes a machine that is stopped, and leaves nothing",
    (sound, { host, name }) => ({
      async create(op) {
        await host.files.write(`/tmp/${name}.lock`, "");
        await sound.create(op);
      },
    }),
  ),
  processMachine(
    "leaves its process when it is removed",
    "removes a machine that runs, and leaves nothing",
    (_, { host, directory, name }) => ({
      async remove() {
        await host.files.remove(await host.runDirectory(name));
        await host.files.remove(`${directory}/disk.img`);
      },
    }),
  ),
  processMachine(
    "leaves a connection open",
    "removes a machine that runs, and leaves nothing",
    (sound, { host, name }) => ({
      async start(op) {
        await sound.start(op);
        await host.network.connect({ path: `${await host.runDirectory(name)}/vm.sock` }, op.signal);
      },
    }),
  ),
  processMachine(
    "keeps a port for itself",
    "removes a machine that is stopped, and leaves nothing",
    (sound, { host }) => ({
      async create(op) {
        await host.network.leasePort();
        await sound.create(op);
      },
    }),
  ),
  processMachine(
    "believes a pid",
    "never takes a process for its own that only has the pid, and never signals it",
    (_, context, config) => {
      const { processes } = context.host;
      const now = async (identity: ProcessIdentity) => (await processes.identify(identity.pid)) ?? identity;
      const trusting: Processes = {
        spawnDaemon: (...given) => processes.spawnDaemon(...given),
        identify: (pid) => processes.identify(pid),
        isAlive: async (identity) => processes.isAlive(await now(identity)),
        signal: async (identity, signal) => processes.signal(await now(identity), signal),
        waitGone: async (identity, signal) => processes.waitGone(await now(identity), signal),
      };
      const host = new Proxy(context.host, {
        get: (target, key) => (key === "processes" ? trusting : Reflect.get(target, key, target)),
      });
      return openMachine(config, { ...context, host });
    },
  ),
  processMachine(
    "watches its process after start",
    "does nothing between operations, not even when its process ends",
    (sound, { host, record }) => ({
      async start(op) {
        await sound.start(op);
        const identity = (await record.read()) as ProcessIdentity;
        const gone = host.processes.waitGone(identity, new AbortController().signal);
        void gone.then(() => host.files.list("/tmp"));
      },
    }),
  ),
  processMachine(
    "knows its process only by the script it was started with",
    "runs, and can be killed, when its program is a script that executes the real one",
    (_, context, config) => {
      let spawned: unknown;
      const write = (value: unknown) => {
        spawned ??= value;
        return context.record.write(spawned);
      };
      return openMachine(config, { ...context, record: { ...context.record, write } });
    },
  ),
  processMachine(
    "believes its record",
    "is not running after a reboot of its host, and starts again",
    (sound, { record }) => ({
      async inspect(op) {
        const status = await sound.inspect(op);
        if (status.state !== "stopped") return status;
        return { state: (await record.read()) === undefined ? "stopped" : "running" };
      },
    }),
  ),
  processMachine(
    "stops by cutting the power",
    "asks the guest to shut down: a stop that the guest obeys kills no process",
    (sound) => ({ stop: (op) => op.step("shutdown", "shutting down", () => sound.kill(op)) }),
  ),
  processMachine("listens for everyone", "listens on loopback addresses alone", (sound, { host }) => ({
    async start(op) {
      const lease = await host.network.leasePort({ host: "0.0.0.0" });
      await lease.release();
      await sound.start(op);
    },
  })),
  processMachine(
    "returns from kill before the end",
    "returns from kill only when nothing of the machine runs",
    (sound) => ({
      kill: async (op) => void sound.stop(op).catch(() => {}),
    }),
  ),
  processMachine(
    "cannot inspect without its record",
    "inspects and removes a machine whose record was lost",
    (sound, { record }) => ({
      async inspect(op) {
        const raw = (await record.read()) as { pid: number } | undefined;
        const status = await sound.inspect(op);
        if (status.state === "absent") return status;
        return (raw as { pid: number }).pid > 0 ? status : { state: "stopped" };
      },
    }),
  ),
  processMachine(
    "does not wait for its tool with the probe's signal",
    "rejects its probe with the reason, whichever tool hangs when it is aborted",
    () => ({}),
    () => ({
      status: async (host) => {
        await host.run("vm-version", []);
        return { status: "ready" };
      },
    }),
  ),
];
