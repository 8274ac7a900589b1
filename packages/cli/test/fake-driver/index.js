// A driver without a hypervisor, for tests of the command: its machine is a state file, and its guest is the host.
const state = async (context) =>
  JSON.parse((await context.host.files.readText(`${context.directory}/fake.json`)) ?? "null");
const setState = async (context, value) => {
  await context.host.files.write(`${context.directory}/fake.json`, JSON.stringify(value));
};

export default {
  contract: 1,
  name: "fake",
  aliases: ["pretend"],
  summary: "a machine that only pretends",
  builtin: true,
  external: false,
  priority: "default",
  autoSelect: true,
  traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
  options: {
    mood: { type: "string", describe: "how it feels", choices: ["good", "bad"], default: "good" },
    patience: { type: "integer", describe: "how long it waits", min: 1, max: 9 },
    loud: { type: "boolean", describe: "whether it shouts", default: false, change: "live" },
    tags: { type: "list", describe: "what it is called" },
    password: { type: "string", describe: "what nobody may see", secret: true },
    hang: { type: "string", describe: "the method that never ends" },
  },
  async status(host, signal) {
    if (host.env.FAKE_STATUS === "hang") await new Promise(() => {});
    if (host.env.FAKE_STATUS === "missing") {
      return {
        status: "missing",
        code: "fake-not-found",
        reason: "the fake program is not installed",
        fix: "Install it.",
        packages: { apt: ["fake-package"], brew: ["fake-package"] },
      };
    }
    signal.throwIfAborted();
    return { status: "ready", version: "9.9" };
  },
  createConfig: (spec, options) => ({ version: 1, cpus: spec.cpus, ...options }),
  parseConfig: (raw) => raw,
  createDriver(config, context) {
    const hang = async (method, op) => {
      if (config.hang !== method) return;
      await op.step(
        "hang",
        "Waiting for nothing",
        () =>
          new Promise((_, reject) => {
            op.signal.addEventListener("abort", () => reject(op.signal.reason), { once: true });
          }),
      );
    };
    return {
      async inspect() {
        return { state: (await state(context)) ?? "absent" };
      },
      async create(op) {
        op.undo(async () => context.host.files.remove(`${context.directory}/fake.json`));
        await op.step("imagine", "Imagining a machine", async (report) => {
          report({ done: 1, total: 2, unit: "items" });
          await setState(context, "stopped");
        });
        await hang("create", op);
      },
      async start(op) {
        await hang("start", op);
        await op.step("wake", "Waking it up", async () => setState(context, "running"));
      },
      async stop(op) {
        await hang("stop", op);
        await setState(context, "stopped");
      },
      kill: async () => setState(context, "stopped"),
      remove: async () => context.host.files.remove(`${context.directory}/fake.json`),
      access: async () => ({ via: "exec", argv: ["/usr/bin/env", "--"] }),
      endpoint: async (guestPort) => ({ host: context.host.env.FAKE_ADDRESS ?? "127.0.0.1", port: 40000 + guestPort }),
      address: async () => "192.0.2.7",
      suspension: {
        pause: async () => setState(context, "paused"),
        resume: async () => setState(context, "running"),
      },
      console: {
        async *read(signal) {
          yield new TextEncoder().encode("first line\nsecond line\n");
          yield new TextEncoder().encode("third line\n");
          const everyMs = context.host.env.FAKE_CONSOLE_MS;
          while (!signal.aborted) {
            await new Promise((resolve) => {
              signal.addEventListener("abort", resolve, { once: true });
              if (everyMs !== undefined) setTimeout(resolve, Number(everyMs));
            });
            if (!signal.aborted) yield new TextEncoder().encode("again\n");
          }
        },
      },
    };
  },
};
