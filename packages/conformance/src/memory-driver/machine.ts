import { type Machine, type MachineContext, type MachineStatus, MkError } from "@mk/core";
import { follow, type Hypervisor, type MemoryMachine, newMachine, print } from "./computer.js";
import type { MemoryConfig } from "./config.js";

export function openMachine(hypervisor: Hypervisor, config: MemoryConfig, context: MachineContext): Machine {
  const { id, name, host, directory, record } = context;
  const disk = `${directory}/disk.img`;
  const find = (): MemoryMachine => {
    const machine = hypervisor.get(id);
    if (machine !== undefined) return machine;
    throw new MkError("MACHINE_ABSENT", `machine ${name} is not there`, {
      hint: `Create it with mk start -p ${name}.`,
    });
  };
  const power = async (next: MemoryMachine["power"]) => {
    const machine = find();
    machine.bootId = await host.bootId();
    machine.power = next;
  };
  return {
    async inspect() {
      const machine = hypervisor.get(id);
      if (machine === undefined) return { state: "absent" };
      const sameBoot = machine.bootId === (await host.bootId());
      return sameBoot || machine.power === "saved" ? STATES[machine.power] : { state: "stopped" };
    },

    async create(op) {
      await op.step("disk", "making the disk", async (report) => {
        op.undo(async () => host.files.remove(disk));
        await host.files.allocate(disk, context.spec.diskMiB * 1024 * 1024);
        report({ done: 1, total: 1, unit: "items" });
      });
      await op.step("register", `registering ${name}`, async () => {
        op.undo(async () => void hypervisor.delete(id));
        hypervisor.set(id, newMachine(40_000 + (hypervisor.size % 20_000)));
        await record.write({ version: 1, registeredAt: host.now() });
        await host.delay(1, op.signal);
      });
    },

    async start(op) {
      await op.step("boot", `booting ${name}`, async () => {
        op.signal.throwIfAborted();
        const machine = find();
        machine.console = "";
        await host.delay(config.bootMs, op.signal);
        await power("on");
        print(machine, `mk-guest: init uptime=0.1 cpus=${config.cpus}`);
        if (config.verbose) print(machine, `labels: ${config.labels.join(" ")}`);
        print(machine, "mk-guest: ready uptime=0.5");
      });
    },

    async stop(op) {
      await op.step("shutdown", "waiting for the guest to shut down", async () => {
        print(find(), "mk-guest: shutdown uptime=9.9");
        await host.delay(250, op.signal);
        await power("off");
      });
    },

    async kill() {
      await power("off");
    },

    async remove(op) {
      await op.step("unregister", `removing ${name}`, async () => {
        op.signal.throwIfAborted();
        hypervisor.delete(id);
        await host.files.remove(disk);
      });
    },

    access: async () => ({ via: "ssh", host: "127.0.0.1", port: find().port, user: "mk", hostKey: "pinned" }),
    endpoint: async (guestPort) => ({ host: "127.0.0.1", port: guestPort === 22 ? find().port : guestPort }),
    address: async () => "192.0.2.7",
    reconfigure: async () => void find(),
    console: { read: (signal) => follow(hypervisor.get(id), signal) },
    suspension: { pause: () => power("paused"), resume: () => power("on") },
    hibernation: { save: () => power("saved") },
    snapshots: {
      list: async () => [...find().snapshots].map(([snapshot, createdAt]) => ({ name: snapshot, createdAt })),
      take: async (snapshot) => void find().snapshots.set(snapshot, new Date(host.now()).toISOString()),
      restore: async (snapshot) => {
        if (find().snapshots.has(snapshot)) return;
        throw new MkError("INVALID_ARGUMENT", `machine ${name} has no snapshot ${snapshot}`, {
          hint: `List the snapshots of ${name} and name one of them.`,
        });
      },
      remove: async (snapshot) => void find().snapshots.delete(snapshot),
    },
    mounts: {
      add: async (mount) => void find().mounts.set(mount.target, mount),
      remove: async (target) => void find().mounts.delete(target),
    },
    close: async () => {},
  };
}

const STATES = {
  off: { state: "stopped" },
  on: { state: "running" },
  paused: { state: "paused" },
  saved: { state: "saved" },
} as const satisfies Record<MemoryMachine["power"], MachineStatus>;
