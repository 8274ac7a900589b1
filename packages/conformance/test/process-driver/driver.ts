import {
  type Driver,
  type DriverDefinition,
  defineDriver,
  type Machine,
  type MachineContext,
  MkError,
  type OptionSpecs,
  type ProcessIdentity,
} from "@mk/core";

export interface ProcessConfig {
  readonly version: 1;
  readonly diskMiB: number;
}

/** A small driver of the usual kind, a process per machine: what the kit is proved on beside the memory driver. */
export function processDefinition(): DriverDefinition<OptionSpecs, ProcessConfig> {
  return {
    name: "process",
    summary: "Machines that are processes of a scripted host",
    priority: "experimental",
    autoSelect: false,
    traits: { isolation: "vm", parallel: true, privileged: false, image: "vm" },
    options: {},
    async status(host, signal) {
      const program = await host.which("vm");
      if (program === undefined) {
        return { status: "missing", code: "vm-not-found", reason: "vm is not on the PATH", fix: "Install vm." };
      }
      await host.run("vm-version", [], { signal });
      return { status: "ready" };
    },
    createConfig: (spec) => ({ version: 1, diskMiB: spec.diskMiB }),
    parseConfig(raw) {
      const { version, diskMiB } = (raw ?? {}) as Partial<ProcessConfig>;
      if (version === 1 && typeof diskMiB === "number" && diskMiB > 0) return { version, diskMiB };
      if (Number(version) > 1)
        throw new MkError("STATE_TOO_NEW", "the config is newer", { hint: "Update the driver." });
      throw new MkError("CONFIG_CORRUPT", "the config does not parse", { hint: "Create the machine again." });
    },
    createDriver: openMachine,
  };
}

export const processDriver = (): Driver => defineDriver(processDefinition());

export function openMachine(config: ProcessConfig, { directory, host, name, record, image }: MachineContext): Machine {
  const disk = `${directory}/disk.img`;
  const console = `${directory}/serial.log`;
  const recorded = async () => asIdentity(await record.read());
  const alive = async () => {
    const identity = await recorded();
    return identity !== undefined && (await host.processes.isAlive(identity)) ? identity : undefined;
  };
  const end = async (signal: "SIGTERM" | "SIGKILL", abort: AbortSignal) => {
    const identity = await alive();
    if (identity === undefined) return;
    abort.throwIfAborted();
    await host.processes.signal(identity, signal);
    await host.processes.waitGone(identity, abort);
  };
  return {
    async inspect() {
      if ((await host.files.stat(disk)) === undefined) {
        return (await alive()) === undefined ? { state: "absent" } : { state: "broken", reason: "its disk is gone" };
      }
      return { state: (await alive()) === undefined ? "stopped" : "running" };
    },
    async create(op) {
      await op.step("disk", "making the disk", async () => {
        op.undo(() => host.files.remove(disk));
        await image();
        await host.files.allocate(disk, config.diskMiB * 1024 * 1024);
      });
    },
    async start(op) {
      await op.step("spawn", `starting ${name}`, async () => {
        const socket = `${await host.runDirectory(name)}/vm.sock`;
        await host.files.remove(console);
        const child = await host.processes.spawnDaemon("vm", [disk, socket, console]);
        op.undo(async () => {
          await host.processes.signal(child.identity, "SIGKILL");
          await host.files.remove(socket);
        });
        await record.write(child.identity);
        child.unref();
        op.signal.throwIfAborted();
      });
      await op.step("wait", "waiting for its socket", async () => {
        const socket = `${await host.runDirectory(name)}/vm.sock`;
        while ((await host.files.stat(socket)) === undefined) await host.delay(50, op.signal);
        (await host.network.connect({ path: socket }, op.signal)).destroy();
        // Its program may be a script that has executed the real one by now: the same process by another name.
        const started = await recorded();
        const now = started && (await host.processes.identify(started.pid));
        if (now?.startTime === started?.startTime) await record.write(now);
      });
    },
    stop: (op) => op.step("shutdown", `shutting ${name} down`, () => end("SIGTERM", op.signal)),
    kill: (op) => end("SIGKILL", op.signal),
    async remove(op) {
      await op.step("end", `ending ${name}`, () => end("SIGKILL", op.signal));
      await op.step("files", "removing its files", async () => {
        await host.files.remove(await host.runDirectory(name));
        await host.files.remove(disk);
      });
    },
    access: async () => ({ via: "ssh", host: "127.0.0.1", port: 2222, user: "mk", hostKey: "pinned" }),
    endpoint: async (port) => ({ host: "127.0.0.1", port }),
    console: { read: (signal) => host.files.follow(console, { signal }) },
  };
}

function asIdentity(raw: unknown): ProcessIdentity | undefined {
  if (typeof raw !== "object" || raw === null || !("pid" in raw) || !("startTime" in raw)) return undefined;
  return raw as ProcessIdentity;
}
