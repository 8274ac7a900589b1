import { type MachineStatus, MkError, type Operation } from "@mk/core";
import { type Broken, memory, memoryMachine } from "./broken.js";

/** Faults in what a driver answers and promises. */
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
  memoryMachine(
    "refuses an architecture when the machine is made",
    "refuses another architecture by its status or its config, not only once the image is there",
    (sound, { spec }) => ({
      async create(op) {
        if (spec.arch === "amd64") return sound.create(op);
        throw new MkError("DRIVER_UNAVAILABLE", `no ${spec.arch} here`, { hint: "Use another driver." });
      },
    }),
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
    create: (op) => op.step("Create Disk", "making the disk", () => sound.create(op)),
  })),
  memoryMachine(
    "begins a step's title in upper case",
    "gives every step a title for people, which begins in lower case and has no full stop",
    (sound) => ({ create: (op) => op.step("prepare", "Preparing the machine", () => sound.create(op)) }),
  ),
  memoryMachine("names a step anew each time", "takes the same steps every time", (sound) => ({
    create: (op) => op.step(`s${Math.random().toString(36).slice(2)}`, "making the disk", () => sound.create(op)),
  })),
  memoryMachine(
    "makes its disk anew to change its size",
    "keeps the data of a machine it reconfigures",
    (_, { directory, host, spec }) => ({
      async reconfigure() {
        await host.files.remove(`${directory}/disk.img`);
        await host.files.allocate(`${directory}/disk.img`, spec.diskMiB * 1024 * 1024);
      },
    }),
  ),
  memoryMachine(
    "makes its disk anew at each start",
    "keeps what is on its disks over a stop and a kill",
    (sound, { directory, host, spec }) => ({
      async start(op) {
        await host.files.remove(`${directory}/disk.img`);
        await host.files.allocate(`${directory}/disk.img`, spec.diskMiB * 1024 * 1024);
        await sound.start(op);
      },
    }),
  ),
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
  memoryMachine(
    "answers access by a class",
    "says how to reach a shell in a running machine, or with a fix that it has none",
    () => ({
      access: async () =>
        new (class {
          via = "exec" as const;
          argv = ["sh"];
        })(),
    }),
  ),
  memoryMachine(
    "has no shell, and does not say what to do",
    "says how to reach a shell in a running machine, or with a fix that it has none",
    () => ({
      access: async () => {
        throw new MkError("NOT_SUPPORTED", "there is no shell");
      },
    }),
  ),
  memoryMachine(
    "has a shell in the handle alone that created it",
    "answers the same access and endpoint by every handle",
    (sound) => {
      let isCreator = false;
      return {
        async create(op) {
          await sound.create(op);
          isCreator = true;
        },
        async access(op) {
          if (isCreator) return sound.access(op);
          throw new MkError("NOT_SUPPORTED", "there is no shell", { hint: "Use the console." });
        },
      };
    },
  ),
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
    "ignores the abort of its create",
    "rejects with the signal's reason, whichever call hangs",
    (sound) => ({ create: (op) => sound.create({ ...op, signal: new AbortController().signal }) }),
  ),
  memoryMachine(
    "has a deadline of its own",
    "sets no timer: deadlines are core's, and waiting is the host's",
    (sound) => ({ stop: (op) => sound.stop(limited(op)) }),
  ),
  memoryMachine(
    "has a deadline of its own for its inspection",
    "sets no timer: deadlines are core's, and waiting is the host's",
    (sound) => ({ inspect: (op) => sound.inspect(limited(op)) }),
  ),
  memoryMachine(
    "has a deadline of its own for its kill",
    "sets no timer: deadlines are core's, and waiting is the host's",
    (sound) => ({ kill: (op) => sound.kill(limited(op)) }),
  ),
  memoryMachine(
    "has a deadline of its own when it removes what runs",
    "sets no timer: deadlines are core's, and waiting is the host's",
    (sound) => ({
      async remove(op) {
        const { state } = await sound.inspect(op);
        await sound.remove(state === "running" ? limited(op) : op);
      },
    }),
  ),
  memoryMachine("retries after a while", "sets no timer: deadlines are core's, and waiting is the host's", (sound) => ({
    async start(op) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await sound.start(op);
    },
  })),
  memory("writes into its config", "leaves the config that it is opened with as it is", (sound) => ({
    createDriver: async (config, context) => {
      const machine = await sound.createDriver(config, context);
      return {
        ...machine,
        async create(op) {
          Object.assign(config, { bootMs: 1 });
          await machine.create(op);
        },
      };
    },
  })),
  memoryMachine("answers a state with an Error in it", "answers every state as plain data", (sound) => ({
    inspect: async (op) => ({ ...(await sound.inspect(op)), reason: new Error("none") }) as never,
  })),
  memoryMachine(
    "returns from start before the machine is powered on",
    "start takes a machine from stopped to starting or running",
    (sound) => ({ start: async (op) => void sound.start(op).catch(() => {}) }),
  ),
  memoryMachine(
    "answers an endpoint that nobody can connect to",
    "says where the host reaches a port of a running machine",
    () => ({ endpoint: async (port) => ({ host: "0.0.0.0", port }) }),
  ),
  memory(
    "tells its secret in an error",
    "tells no secret in a step, a log or an error, whichever call fails",
    (sound) => ({
      createConfig: (spec, values) => ({ ...sound.createConfig(spec, values), labels: [values.token ?? ""] }),
      createDriver: async (config, context) => {
        const machine = await sound.createDriver(config, context);
        return {
          ...machine,
          async create(op) {
            await machine.create(op).catch((cause: unknown) => {
              throw new MkError("DRIVER_FAILED", `the login as ${config.labels[0]} failed`, { hint: "Log in.", cause });
            });
          },
        };
      },
    }),
  ),
  memory("gives its secret to a program", "gives no secret to a program as an argument", (sound) => ({
    createConfig: (spec, values) => ({ ...sound.createConfig(spec, values), labels: [values.token ?? ""] }),
    createDriver: async (config, context) => {
      const machine = await sound.createDriver(config, context);
      return {
        ...machine,
        async start(op) {
          await context.host.run("frob", [`--token=${config.labels[0]}`], { signal: op.signal }).catch(() => {});
          await machine.start(op);
        },
      };
    },
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
];

/** The same operation with half a minute for it. */
function limited(op: Operation): Operation {
  return { ...op, signal: AbortSignal.any([op.signal, AbortSignal.timeout(30_000)]) };
}
