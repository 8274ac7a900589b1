import { join } from "node:path";
import { defineDriver, type MachineContext, MkError, type Operation } from "@mk/core";

/** Files of a pretend machine's directory by which a test steers it; an `.` in front keeps them apart from mk's own. */
export const FILES = { state: "pretend-state", log: "pretend-log" } as const;

type State = "stopped" | "running";

/**
 * A driver whose machines are a file that says whether they run. Commands run on the host itself. Options make it misbehave.
 */
export const pretendDriver = defineDriver({
  name: "pretend",
  summary: "machines that are a file",
  priority: "experimental",
  autoSelect: false,
  traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
  options: {
    color: { type: "string", describe: "color of the machine", choices: ["red", "green"], default: "red" },
    size: { type: "integer", describe: "size of the machine", min: 1 },
    shiny: { type: "boolean", describe: "whether it shines", default: true },
    token: { type: "string", describe: "what nobody may know", secret: true },
    tags: { type: "list", describe: "tags" },
    createMs: { type: "integer", describe: "how long create takes", default: 0 },
    failOn: { type: "string", describe: "method that fails" },
    hangOn: { type: "string", describe: "method that never ends" },
    dieOn: { type: "string", describe: "method in which the process ends" },
  },
  async status(host) {
    const uid = host.user.uid;
    return { status: "ready", version: "1.0", facts: { uid: String(uid) } };
  },
  createConfig: (spec, options) => ({ cpus: spec.cpus, ...options }),
  parseConfig: (raw) => raw as Readonly<Record<string, unknown>>,
  createDriver: (config, context) => machine(config, context),
});

function machine(config: Readonly<Record<string, unknown>>, context: MachineContext) {
  const { files } = context.host;
  const path = join(context.directory, FILES.state);
  const state = async (): Promise<State | "absent"> => ((await files.readText(path)) as State | undefined) ?? "absent";
  const enter = async (method: string, op: Operation): Promise<void> => {
    op.log(`pretend ${method}`, { uid: context.host.user.uid });
    if (config.failOn === method) {
      throw new MkError("NO_SPACE", `pretend has no space for ${method}, secret ${String(config.token)}`, {
        hint: "Buy a bigger disk.",
        details: { method },
      });
    }
    if (config.hangOn === method) await context.host.delay(3_600_000, op.signal);
    if (config.dieOn === method) process.kill(process.pid, "SIGKILL");
  };
  const change = (method: string, to: State) => async (op: Operation) => {
    await enter(method, op);
    await files.write(path, to);
  };
  return {
    async inspect(op: Operation) {
      await enter("inspect", op);
      return { state: await state() };
    },
    async create(op: Operation) {
      await op.step("paint", "painting the machine", async (report) => {
        report({ done: 1, total: 2 });
        await enter("create", op);
        await context.host.delay(Number(config.createMs), op.signal);
      });
      op.undo(async () => await files.remove(path));
      const seed = await context.seed({ addresses: ["192.0.2.1"] });
      await context.record.write({ seeded: seed.map((file) => file.path), config });
      await files.write(path, "stopped");
      if (config.failOn === "late") throw new Error("a bug in the driver");
    },
    start: change("start", "running"),
    stop: change("stop", "stopped"),
    kill: change("kill", "stopped"),
    async remove(op: Operation) {
      await enter("remove", op);
      await files.remove(path);
    },
    async access(op: Operation) {
      await enter("access", op);
      return { via: "exec" as const, argv: ["env"] };
    },
    async endpoint(port: number, op: Operation) {
      await enter("endpoint", op);
      return { host: "127.0.0.1", port };
    },
    async address(op: Operation) {
      await enter("address", op);
      return "192.0.2.7";
    },
  };
}
