import type { Endpoint, Machine, MachineAccess, MachineContext, Operation, PortSpec } from "@mk/core";
import { GUEST_ACCESS, GUEST_PORTS, MkError } from "@mk/core";
import { buildKernelCommandLine, growRawDisk, makeRawDisk, serialConsole, writeSeedArchive } from "@mk/vm";
import type { Kvm2Config } from "./config.js";
import type { DomainNetwork } from "./domain-xml.js";
import type { Libvirt } from "./libvirt.js";
import { LibvirtSession } from "./libvirt-session.js";
import { MachineDomain } from "./machine-domain.js";
import { type GuestNetwork, MachineNetwork } from "./machine-network.js";
import type { Domain } from "./remote-protocol.js";

/** A machine as a libvirt domain whose UUID is the machine's id. All facts are read from libvirt, none is kept in a file. */
export function createMachine(config: Kvm2Config, context: MachineContext): Machine {
  const { host, directory, spec } = context;
  const files = { data: `${directory}/data.raw`, initrd: `${directory}/initrd.img`, serial: `${directory}/serial.log` };
  const session = new LibvirtSession(host, config.uri);
  const network = new MachineNetwork(config, context);
  const domain = new MachineDomain(config, context, files);

  const use = <T>(op: Operation, work: (libvirt: Libvirt) => Promise<T>) => session.use(op.signal, work);

  async function ports(op: Operation): Promise<readonly PortSpec[]> {
    return await network.leasePorts(
      [...GUEST_PORTS.map((guestPort) => ({ hostAddress: "127.0.0.1", hostPort: 0, guestPort })), ...spec.ports],
      op,
    );
  }

  /** A machine with an address of its own has all its ports there; none of the host's leads to it. */
  function assertNoHostPorts(): void {
    if (config.uri === "qemu:///session" || !spec.ports.some(({ hostPort }) => hostPort !== 0)) return;
    throw new MkError("NOT_SUPPORTED", "a kvm2 machine of qemu:///system has no ports on the host", {
      hint: "Leave out --port and use the address that 'mk ip' gives, or start it with --kvm2-uri qemu:///session.",
    });
  }

  /** The network the domain is to have, started, and what the guest must be told of it. */
  async function prepareNetwork(
    libvirt: Libvirt,
    op: Operation,
  ): Promise<{ readonly domain: DomainNetwork; readonly guest: GuestNetwork }> {
    if (config.uri === "qemu:///session")
      return { domain: { kind: "user", forwards: await ports(op) }, guest: network.userGuest() };
    const { name, guest } = await network.start(libvirt, op);
    return { domain: { kind: "network", name }, guest };
  }

  return {
    inspect: (op) => use(op, (libvirt) => domain.status(libvirt, op.signal)),

    async create(op) {
      assertNoHostPorts();
      await op.step("disk", "making the data disk", async () => {
        op.undo(() => host.files.remove(files.data));
        await makeRawDisk(host.files, files.data, spec.diskMiB);
      });
      await use(op, async (libvirt) => {
        await op.step("network", "defining the network", async () => {
          op.undo((undo) => use(undo, (again) => network.remove(again, undo)));
          await network.define(libvirt, op);
        });
        await op.step("domain", "defining the domain", async () => {
          op.undo((undo) => use(undo, (again) => domain.remove(again, undo.signal)));
          // Each start defines it anew; until then it names what it will need.
          const joined: DomainNetwork =
            config.uri === "qemu:///session"
              ? { kind: "user", forwards: [] }
              : { kind: "network", name: await network.name(libvirt, op.signal) };
          await domain.define(libvirt, { network: joined, cmdline: "" }, op);
        });
      });
    },

    async start(op) {
      await use(op, async (libvirt) => {
        const existing = await domain.find(libvirt, op.signal);
        if (await libvirt.isSaved(existing, op.signal)) return await restore(libvirt, existing, op);
        assertNoHostPorts();
        const prepared = await op.step("network", "starting the network", () => prepareNetwork(libvirt, op));
        const defined = await op.step("seed", "writing the seed", async () => {
          const image = await context.image();
          const seed = await context.seed({ addresses: prepared.guest.addresses });
          await host.files.concat(files.initrd, [writeSeedArchive(seed), image.initramfs]);
          // Made by us first, so that the log stays the user's own file when libvirt's log daemon appends to it.
          await host.files.write(files.serial, "");
          await growRawDisk(host.files, files.data, spec.diskMiB);
          const cmdline = buildKernelCommandLine(image.cmdline, prepared.guest.parameters);
          return await domain.define(libvirt, { network: prepared.domain, cmdline }, op);
        });
        await op.step("power", "starting the domain", async () => {
          op.undo((undo) => use(undo, async (again) => again.destroyDomain(defined, undo.signal)));
          await network.releasePorts();
          await libvirt.startDomain(defined, op.signal);
        });
      });
    },

    async stop(op) {
      // Before the wait, which would wait for a libvirtd that does not run, too.
      await use(op, (libvirt) => domain.find(libvirt, op.signal));
      await op.step("shutdown", "waiting for the guest to shut down", () =>
        // libvirtd may be restarted meanwhile; the guest goes on shutting down, so the wait does too.
        session.useAgain(op.signal, async (libvirt) => domain.shutDown(libvirt, op.signal)),
      );
    },

    async kill(op) {
      await use(op, async (libvirt) => {
        const found = await domain.find(libvirt, op.signal);
        await libvirt.destroyDomain(found, op.signal);
        await domain.waitOff(libvirt, found, op.signal);
      });
    },

    async remove(op) {
      await use(op, async (libvirt) => {
        await op.step("domain", "removing the domain", () => domain.remove(libvirt, op.signal));
        await op.step("network", "removing the network", () => network.remove(libvirt, op));
      });
      for (const path of Object.values(files)) await host.files.remove(path);
    },

    async access(op): Promise<MachineAccess> {
      return { ...GUEST_ACCESS, ...(await endpoint(22, op)) };
    },

    endpoint: (guestPort, op) => endpoint(guestPort, op),

    address: async (op) => (await use(op, (libvirt) => network.guestOf(libvirt, op))).addresses[0] ?? "127.0.0.1",

    async reconfigure() {
      // Everything that may change is read from the spec when the domain is defined anew, which each start does.
    },

    console: serialConsole(host.files, files.serial),

    suspension: {
      pause: (op) =>
        use(op, async (libvirt) => libvirt.suspendDomain(await domain.find(libvirt, op.signal), op.signal)),
      resume: (op) =>
        use(op, async (libvirt) => libvirt.resumeDomain(await domain.find(libvirt, op.signal), op.signal)),
    },

    // No command of mk saves a machine today; one that libvirt saved is restored by its start.
    hibernation: {
      save: (op) => use(op, async (libvirt) => libvirt.saveDomain(await domain.find(libvirt, op.signal), op.signal)),
    },

    close: async () => session.close(),
  };

  /** With the network and the ports it was saved with: its guest knows no others. */
  async function restore(libvirt: Libvirt, saved: Domain, op: Operation): Promise<void> {
    await op.step("network", "starting the network", () => network.startAgain(libvirt, op));
    await op.step("restore", "restoring the saved machine", () => domain.restore(libvirt, saved, op.signal));
  }

  async function endpoint(guestPort: number, op: Operation): Promise<Endpoint> {
    if (config.uri === "qemu:///session") return await network.forwardOf(guestPort);
    const guest = await use(op, (libvirt) => network.guestOf(libvirt, op));
    const address = guest.addresses[0];
    if (address === undefined)
      throw new MkError("MACHINE_NOT_RUNNING", `${context.name} has no address yet`, {
        hint: "Wait until it has booted, then repeat the command.",
      });
    return { host: address, port: guestPort };
  }
}
