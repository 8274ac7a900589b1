import { type Machine, type MachineContext, MkError, type ProcessIdentity } from "@mk/core";
import type { Config } from "./config.js";

/** What cannot be asked of anybody later. Never believed without a live proof. */
interface Record {
  readonly process?: ProcessIdentity;
}

/**
 * A machine that is one process of the host: replace what it does with your hypervisor. Core checks the state before it calls,
 * holds the machine's lock, sets deadlines, rolls back and retries: none of that belongs here.
 */
export function createMachine(config: Config, { directory, host, name, record }: MachineContext): Machine {
  const workspace = `${directory}/workspace`;
  const read = async () => ((await record.read()) ?? {}) as Record;

  async function running(): Promise<ProcessIdentity | undefined> {
    const { process } = await read();
    return process && (await host.processes.isAlive(process)) ? process : undefined;
  }

  async function end(how: "SIGTERM" | "SIGKILL", signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const process = await running();
    if (!process) return;
    await host.processes.signal(process, how);
    await host.processes.waitGone(process, signal);
  }

  return {
    async inspect() {
      if (!(await host.files.stat(workspace))) return { state: "absent" };
      return { state: (await running()) ? "running" : "stopped" };
    },

    async create(op) {
      await op.step("workspace", "making the workspace", async () => {
        op.undo(() => host.files.remove(workspace));
        await host.files.makeDirectory(workspace);
        op.signal.throwIfAborted();
      });
    },

    async start(op) {
      await op.step("power", `starting ${config.program}`, async () => {
        const program = await host.which(config.program);
        if (!program) throw new MkError("COMMAND_NOT_FOUND", `there is no program ${config.program}`, { hint: "Install it, or give another with --{{driver}}-program." });
        op.signal.throwIfAborted();
        const process = await host.processes.spawnDaemon(program, ["2147483647"], { cwd: workspace });
        op.undo(async () => void (await host.processes.signal(process.identity, "SIGKILL")));
        await record.write({ process: process.identity } satisfies Record);
        process.unref();
      });
    },

    stop: (op) => end("SIGTERM", op.signal),
    kill: (op) => end("SIGKILL", op.signal),

    async remove(op) {
      await end("SIGKILL", op.signal);
      await host.files.remove(workspace);
    },

    async access() {
      return { via: "exec", argv: ["env", "-C", workspace] };
    },

    async endpoint(port) {
      if (!(await running())) throw new MkError("MACHINE_NOT_RUNNING", `${name} does not run`, { hint: `Run 'mk start ${name}'.` });
      return { host: "127.0.0.1", port };
    },
  };
}
