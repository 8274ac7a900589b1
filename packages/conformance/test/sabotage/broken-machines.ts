import { type MachineStatus, MkError, type Operation, type Processes, type ProcessIdentity } from "@mk/core";
import { openMachine } from "../process-driver/driver.js";
import { type Broken, memory, memoryMachine, processMachine } from "./broken.js";

/** Faults in what a driver does to machines. */
export const brokenMachines: readonly Broken[] = [
  memory("answers from its own memory", "sees in a second handle what the first did", (sound) => ({
    createDriver: async (config, context) => {
      const machine = await sound.createDriver(config, context);
      let cached: MachineStatus | undefined;
      return { ...machine, inspect: async (op) => (cached ??= await machine.inspect(op)) };
    },
  })),
  memoryMachine(
    "throws for an absent machine",
    "inspect leaves a machine absent that is absent",
    (sound, { name }) => ({
      async inspect(op) {
        const status = await sound.inspect(op);
        if (status.state === "absent") throw new MkError("MACHINE_ABSENT", `no ${name}`, { hint: "Create it." });
        return status;
      },
    }),
  ),
  memoryMachine(
    "touches the host when a handle is opened",
    "opens a handle without touching anything",
    (_, { host }) => {
      void host.files.list("/");
      return {};
    },
  ),
  memoryMachine("writes while it inspects", "inspects a machine without changing anything", (sound, { record }) => ({
    async inspect(op) {
      await record.write({ seen: Math.random() });
      return sound.inspect(op);
    },
  })),
  memoryMachine("cannot remove twice", "removes twice", (sound, { name }) => ({
    async remove(op) {
      if ((await sound.inspect(op)).state === "absent") {
        throw new MkError("MACHINE_ABSENT", `no ${name}`, { hint: "Create it." });
      }
      await sound.remove(op);
    },
  })),
  memoryMachine("wraps the reason of an abort", "rejects with the signal's reason, whichever call hangs", (sound) => ({
    async start(op) {
      await sound.start(op).catch((cause: unknown) => {
        throw new MkError("DRIVER_FAILED", "the start failed", { hint: "Try again.", cause });
      });
    },
  })),
  memoryMachine(
    "does not give its waiting the signal",
    "rejects with the signal's reason, whichever call hangs",
    (sound, { host }) => ({
      async stop(op) {
        await host.delay(1000, new AbortController().signal);
        await sound.stop(op);
      },
    }),
  ),
  memoryMachine(
    "works on when its signal has aborted already",
    "rejects with the signal's own reason, and leaves the machine as it was, when a signal has aborted already",
    (sound) => ({ stop: (op) => sound.kill(op) }),
  ),
  memoryMachine("leaves a listener on the signal", "leaves no listener on an operation's signal", (sound) => ({
    async create(op) {
      op.signal.addEventListener("abort", () => {});
      await sound.create(op);
    },
  })),
  memoryMachine("names its steps for people", "names each step of an operation once, in kebab-case", (sound) => ({
    create: (op) => op.step("Create Disk", "Making the disk", () => sound.create(op)),
  })),
  memoryMachine("names a step anew each time", "takes the same steps every time", (sound) => ({
    create: (op) => op.step(`s${Math.random().toString(36).slice(2)}`, "Making the disk", () => sound.create(op)),
  })),
  memoryMachine("stops by doing nothing", "stop takes a machine from running to stopped", () => ({
    stop: async () => {},
  })),
  memoryMachine("resumes by doing nothing", "pauses and resumes, and the machine runs as before", (sound) => ({
    suspension: { pause: (op) => sound.suspension!.pause(op), resume: async () => {} },
  })),
  memoryMachine(
    "has a console that outlives its signal",
    "gives the bytes of the last start, and ends when its signal aborts",
    (sound) => ({
      console: { read: () => sound.console!.read(new AbortController().signal) },
    }),
  ),
  memoryMachine("answers an endpoint of no port", "says where the host reaches a port of a running machine", () => ({
    endpoint: async () => ({ host: "127.0.0.1", port: 0 }),
  })),
  memoryMachine("answers access by a class", "says how to reach a shell in a running machine", () => ({
    access: async () =>
      new (class {
        via = "exec" as const;
        argv = ["sh"];
      })(),
  })),
  memoryMachine(
    "stops the machine when its handle is closed",
    "closes a handle, twice as well, and leaves the machine running",
    (sound) => ({
      close: () => sound.kill({} as Operation).catch(() => {}),
    }),
  ),
  memory("has one machine for all names", "leaves another machine as it is", (sound) => ({
    createDriver: (config, context) => sound.createDriver(config, { ...context, id: "the one" }),
  })),
  memoryMachine(
    "throws what is no MkError",
    "fails with an error that has a code and a hint, whichever call fails",
    (sound) => ({
      async create(op) {
        await sound.create(op).catch((error: unknown) => {
          throw op.signal.aborted ? error : new Error("something went wrong");
        });
      },
    }),
  ),
  processMachine(
    "registers its cleanup after the side effect",
    "leaves the machine absent, and nothing else behind, whichever call fails in create",
    (_, { host, directory, image }) => ({
      create: (op) =>
        op.step("disk", "Making the disk", async () => {
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
