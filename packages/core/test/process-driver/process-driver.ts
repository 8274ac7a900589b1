import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Driver,
  defineDriver,
  type Host,
  type Machine,
  type MachineContext,
  type MachineState,
  MkError,
} from "@mk/core";

interface Config {
  readonly version: 1;
  readonly cpus: number;
  readonly boot: string;
  readonly token: string | undefined;
}

export interface ProcessDriverInit {
  readonly name?: string;
  /** The script of the machine's process; by default the one beside this file. */
  readonly script?: string;
  readonly priority?: Driver["priority"];
  readonly parallel?: boolean;
  readonly status?: Driver["status"];
  /** Replaces parts of each machine. */
  readonly change?: (machine: Machine, context: MachineContext) => Machine;
}

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), "machine.mjs");

/** A complete driver whose machines are processes: they can be listed, killed and leaked as those of a hypervisor. */
export function processDriver({
  name = "process",
  script = SCRIPT,
  priority = "default",
  parallel = true,
  status = async () => ({ status: "ready" }),
  change = (machine) => machine,
}: ProcessDriverInit = {}): Driver {
  return defineDriver({
    name,
    summary: "machines that are processes, for tests",
    priority,
    traits: { isolation: "none", parallel, privileged: false, image: "oci" },
    options: {
      boot: {
        type: "string",
        describe: "how the guest boots",
        default: "ready",
        choices: ["ready", "silent", "fails", "dies", "ignores-shutdown", "shuts-down-slowly"],
        change: "restart",
      },
      label: { type: "string", describe: "a label", change: "live" },
      size: { type: "string", describe: "something that cannot change" },
      token: { type: "string", describe: "a secret", secret: true, change: "live" },
    },
    status,
    createConfig: (spec, options): Config => ({
      version: 1,
      cpus: spec.cpus,
      boot: options.boot,
      token: options.token,
    }),
    parseConfig: (raw) => raw as Config,
    createDriver: (config, context) => change(processMachine(script, config, context), context),
  });
}

function processMachine(script: string, config: Config, context: MachineContext): Machine {
  const { host, directory } = context;
  const disk = join(directory, "disk.raw");
  const consoleFile = join(directory, "console.log");

  const token = async (): Promise<string | undefined> => {
    const record = (await context.record.read()) as { readonly token?: string } | undefined;
    return record?.token;
  };
  const ask = async (question: string, signal: AbortSignal): Promise<string | undefined> => {
    const current = await token();
    return current === undefined ? undefined : askProcess(host, await socketPath(host, current), question, signal);
  };
  const running = async (signal: AbortSignal): Promise<number | undefined> => {
    const pid = Number(await ask("pid", signal));
    return pid > 1 ? pid : undefined;
  };
  const tell = async (command: string, wanted: MachineState, signal: AbortSignal): Promise<void> => {
    const state = await ask(command, signal);
    if (state !== wanted) throw new MkError("DRIVER_FAILED", `the process is ${state ?? "gone"} after ${command}`);
  };
  const cutPower = async (signal: AbortSignal): Promise<void> => {
    const pid = await running(signal);
    const identity = pid === undefined ? undefined : await host.processes.identify(pid);
    if (identity === undefined) return;
    await host.processes.signal(identity, "SIGKILL");
    await host.processes.waitGone(identity, signal);
  };

  return {
    async inspect({ signal }) {
      const state = await ask("state", signal);
      if (state === "running" || state === "paused") return { state };
      const present = (await host.files.stat(disk)) !== undefined;
      return { state: present ? "stopped" : "absent" };
    },
    async create(op) {
      op.undo(() => host.files.remove(disk));
      await op.step("disk", "making the disk", () => host.files.write(disk, `disk of ${context.id}\n`));
      await op.step("seed", "writing the seed", async () => {
        for (const { path, contents } of await context.seed()) {
          await host.files.write(join(directory, `seed-${path.replaceAll("/", "-")}`), contents);
        }
      });
      await op.step("define", "defining the machine", () => host.files.write(join(directory, "definition"), "x"));
    },
    async start(op) {
      const mine = randomUUID();
      const socket = await socketPath(host, mine);
      await op.step("record", "recording the process", async () => {
        await cutPower(op.signal);
        await host.files.write(consoleFile, "");
        await context.record.write({ token: mine });
      });
      await op.step("spawn", "starting the process", async () => {
        const { bin } = await node(host);
        const child = await host.processes.spawnDaemon(bin, [script, directory, socket, mine, config.boot]);
        child.unref();
      });
      await op.step("wait", "waiting for the process", async () => {
        while ((await askProcess(host, socket, "pid", op.signal)) === undefined) {
          if (config.boot === "dies" && (await host.files.readText(consoleFile)) !== "") return;
          await host.delay(5, op.signal);
        }
      });
    },
    async stop(op) {
      const current = await token();
      const pid = await running(op.signal);
      const identity = pid === undefined ? undefined : await host.processes.identify(pid);
      if (identity === undefined || current === undefined) return;
      await op.step("powerdown", "pressing the power button", async () => {
        const connection = await host.network.connect({ path: await socketPath(host, current) }, op.signal);
        connection.on("error", () => undefined);
        connection.end("shutdown");
        connection.resume();
      });
      await op.step("wait", "waiting for the power to go", () => host.processes.waitGone(identity, op.signal));
    },
    kill: (op) => op.step("cut", "killing the process", () => cutPower(op.signal)),
    async remove(op) {
      await op.step("cut", "killing the process", () => cutPower(op.signal));
      const current = await token();
      await context.record.write({});
      if (current !== undefined) await host.files.remove(await socketPath(host, current));
      await op.step("disk", "removing the disk", () => host.files.remove(disk));
    },
    suspension: {
      pause: (op) => tell("pause", "paused", op.signal),
      resume: (op) => tell("resume", "running", op.signal),
    },
    // The machine's shell is the host's.
    access: async () => ({ via: "exec", argv: [(await host.which("env")) ?? "/usr/bin/env"] }),
    endpoint: async (guestPort) => ({ host: "127.0.0.1", port: guestPort }),
    async reconfigure(op) {
      await op.step("apply", "applying settings", () =>
        host.files.write(join(directory, "definition"), `${config.cpus}`),
      );
    },
    console: { read: (signal) => host.files.follow(consoleFile, { signal }) },
  };
}

async function socketPath(host: Host, token: string): Promise<string> {
  return join(await host.runDirectory("process-driver"), token.slice(0, 8));
}

async function node(host: Host): Promise<{ readonly bin: string }> {
  const bin = await host.which("node");
  if (bin === undefined) throw new MkError("COMMAND_NOT_FOUND", "node is not on PATH");
  return { bin };
}

/** What the process behind the socket answers; undefined when there is none. */
async function askProcess(
  host: Host,
  path: string,
  question: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const connection = await host.network.connect({ path }, signal);
    const chunks: Buffer[] = [];
    connection.on("data", (chunk: Buffer) => chunks.push(chunk));
    connection.write(question);
    await once(connection, "close", { signal });
    // One that ends before it has answered is none.
    return Buffer.concat(chunks).toString() || undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (MkError.is(error)) return undefined;
    // A process that was killed resets the connection.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
