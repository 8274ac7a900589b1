import type { Endpoint, Machine, MachineAccess, MachineContext, MachineStatus, Operation, PortSpec } from "@mk/core";
import { MkError } from "@mk/core";
import { buildKernelCommandLine, growRawDisk, makeRawDisk, serialConsole, writeSeedArchive } from "@mk/vm";
import type { Kvm2Config } from "./config.js";
import { type DomainNetwork, domainXml } from "./domain-xml.js";
import { type Domain, type DomainState, type Libvirt, PAUSED_IO_ERROR } from "./libvirt.js";
import { LibvirtSession } from "./libvirt-session.js";
import { type GuestNetwork, MachineNetwork } from "./machine-network.js";
import { LibvirtError } from "./rpc-connection.js";
import { chooseDomainType } from "./virtualization.js";

const GUEST_PORTS = [22, 2376] as const;

/** A machine as a libvirt domain whose UUID is the machine's id. All facts are read from libvirt, none is kept in a file. */
export function createMachine(config: Kvm2Config, context: MachineContext): Machine {
  const { host, directory, id, spec } = context;
  const files = { data: `${directory}/data.raw`, initrd: `${directory}/initrd.img`, serial: `${directory}/serial.log` };
  const session = new LibvirtSession(host, config.uri);
  const network = new MachineNetwork(config, context);

  const use = <T>(op: Operation, work: (libvirt: Libvirt) => Promise<T>) => session.use(op.signal, work);

  async function ownDomain(libvirt: Libvirt, signal: AbortSignal): Promise<Domain> {
    const domain = await libvirt.domain(id, signal);
    if (!domain)
      throw new MkError("MACHINE_ABSENT", `libvirt has no domain of machine ${context.name}`, {
        hint: `Run 'mk delete ${context.name}', then start it anew.`,
      });
    return domain;
  }

  /** Defines the domain anew with what the spec now says; libvirt replaces the definition of the same UUID. */
  async function define(
    libvirt: Libvirt,
    guestNetwork: DomainNetwork,
    cmdline: string,
    op: Operation,
  ): Promise<Domain> {
    const image = await context.image();
    const type = await chooseDomainType(
      host,
      libvirt,
      { uri: config.uri, virtualization: config.virtualization, arch: spec.arch },
      op.signal,
    );
    op.log("domain type chosen", { type });
    const xml = domainXml({
      // Renamed by its owner it is ours still: its UUID says so, and libvirt takes no other name for a UUID it has.
      name: (await libvirt.domain(id, op.signal))?.name ?? config.domain,
      uuid: id,
      type,
      arch: spec.arch,
      cpus: spec.cpus,
      memoryMiB: spec.memoryMiB,
      ...(config.cpuModel !== undefined && { cpuModel: config.cpuModel }),
      hidden: config.hidden,
      kernel: image.kernel,
      initrd: files.initrd,
      cmdline,
      root: image.root,
      data: files.data,
      diskCache: config.diskCache,
      serialLog: files.serial,
      mac: config.mac,
      network: guestNetwork,
      uri: config.uri,
      owner: host.user,
    });
    try {
      return await libvirt.defineDomain(xml, op.signal);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      // Asked, not read from the error: its text is in the daemon's language.
      const other = await libvirt.domainByName(config.domain, op.signal);
      if (!other || other.uuid === id) throw error;
      throw new MkError("MACHINE_EXISTS", `libvirt has a domain ${config.domain} that is not mk's`, {
        hint: `Rename it with 'virsh domrename ${config.domain} <name>', or choose another machine name.`,
        cause: error,
      });
    }
  }

  async function waitOff(libvirt: Libvirt, domain: Domain, signal: AbortSignal): Promise<void> {
    if (isOff(await libvirt.domainState(domain, signal))) return;
    const off = new AbortController();
    using _subscription = await libvirt.lifecycle((event) => {
      if (event.uuid === id && (event.event === "stopped" || event.event === "undefined")) off.abort();
    }, signal);
    // It may have gone off between the question and the subscription.
    if (isOff(await libvirt.domainState(domain, signal))) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void) => {
        for (const each of [off.signal, signal, libvirt.closed]) each.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = () =>
        finish(off.signal.aborted ? resolve : () => reject(signal.aborted ? signal.reason : libvirt.closed.reason));
      for (const each of [off.signal, signal, libvirt.closed]) each.addEventListener("abort", onAbort);
      if (off.signal.aborted || signal.aborted || libvirt.closed.aborted) onAbort();
    });
  }

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
    async inspect(op): Promise<MachineStatus> {
      return await use(op, async (libvirt) => {
        const domain = await libvirt.domain(id, op.signal);
        if (!domain) return { state: "absent" };
        const found = await libvirt.domainState(domain, op.signal);
        if (!found) return { state: "absent" };
        const { state, reason } = found;
        if (state === "shutoff" || state === "nostate") {
          if (!(await host.files.stat(files.data)))
            return { state: "broken", reason: `its data disk ${files.data} is gone` };
          return { state: (await libvirt.isSaved(domain, op.signal)) ? "saved" : "stopped" };
        }
        return statusOf(state, reason);
      });
    },

    async create(op) {
      assertNoHostPorts();
      await op.step("disk", "Making the data disk", async () => {
        op.undo(() => host.files.remove(files.data));
        await makeRawDisk(host.files, files.data, spec.diskMiB);
      });
      await use(op, async (libvirt) => {
        await op.step("network", "Defining the network", async () => {
          op.undo((undo) => use(undo, (again) => network.remove(again, undo)));
          await network.define(libvirt, op);
        });
        await op.step("domain", "Defining the domain", async () => {
          op.undo((undo) => use(undo, (again) => removeDomain(again, undo)));
          // Each start defines it anew; until then it names what it will need.
          const joined: DomainNetwork =
            config.uri === "qemu:///session"
              ? { kind: "user", forwards: [] }
              : { kind: "network", name: await network.name(libvirt, op.signal) };
          await define(libvirt, joined, "", op);
        });
      });
    },

    async start(op) {
      await use(op, async (libvirt) => {
        const existing = await ownDomain(libvirt, op.signal);
        if (await libvirt.isSaved(existing, op.signal)) return await restore(libvirt, existing, op);
        assertNoHostPorts();
        const prepared = await op.step("network", "Starting the network", () => prepareNetwork(libvirt, op));
        const domain = await op.step("seed", "Writing the seed", async () => {
          const image = await context.image();
          const seed = await context.seed({ addresses: prepared.guest.addresses });
          await host.files.concat(files.initrd, [writeSeedArchive(seed), image.initramfs]);
          // Made by us first, so that the log stays the user's own file when libvirt's log daemon appends to it.
          await host.files.write(files.serial, "");
          await growRawDisk(host.files, files.data, spec.diskMiB);
          return await define(
            libvirt,
            prepared.domain,
            buildKernelCommandLine(image.cmdline, prepared.guest.parameters),
            op,
          );
        });
        await op.step("power", "Starting the domain", async () => {
          op.undo((undo) => use(undo, async (again) => again.destroyDomain(domain, undo.signal)));
          await network.releasePorts();
          await libvirt.startDomain(domain, op.signal);
        });
      });
    },

    async stop(op) {
      await use(op, async (libvirt) => {
        const domain = await ownDomain(libvirt, op.signal);
        await libvirt.shutdownDomain(domain, op.signal);
        await op.step("shutdown", "Waiting for the guest to shut down", () =>
          // libvirtd may be restarted meanwhile; the guest goes on shutting down, so the wait does too.
          session.useAgain(op.signal, async (current) =>
            waitOff(current, await ownDomain(current, op.signal), op.signal),
          ),
        );
      });
    },

    async kill(op) {
      await use(op, async (libvirt) => {
        const domain = await ownDomain(libvirt, op.signal);
        await libvirt.destroyDomain(domain, op.signal);
        await waitOff(libvirt, domain, op.signal);
      });
    },

    async remove(op) {
      await use(op, async (libvirt) => {
        await op.step("domain", "Removing the domain", () => removeDomain(libvirt, op));
        await op.step("network", "Removing the network", () => network.remove(libvirt, op));
      });
      for (const path of Object.values(files)) await host.files.remove(path);
    },

    async access(op): Promise<MachineAccess> {
      const { host: address, port } = await endpoint(22, op);
      return { via: "ssh", host: address, port, user: "mk", hostKey: "pinned" };
    },

    endpoint: (guestPort, op) => endpoint(guestPort, op),

    address: async (op) => (await use(op, (libvirt) => network.guestOf(libvirt, op))).addresses[0] ?? "127.0.0.1",

    async reconfigure() {
      // Everything that may change is read from the spec when the domain is defined anew, which each start does.
    },

    console: serialConsole(host.files, files.serial),

    suspension: {
      pause: (op) => use(op, async (libvirt) => libvirt.suspendDomain(await ownDomain(libvirt, op.signal), op.signal)),
      resume: (op) => use(op, async (libvirt) => libvirt.resumeDomain(await ownDomain(libvirt, op.signal), op.signal)),
    },

    hibernation: {
      save: (op) => use(op, async (libvirt) => libvirt.saveDomain(await ownDomain(libvirt, op.signal), op.signal)),
    },

    close: async () => session.close(),
  };

  /** With the network and the ports it was saved with: its guest knows no others. */
  async function restore(libvirt: Libvirt, domain: Domain, op: Operation): Promise<void> {
    await op.step("network", "Starting the network", () => network.startAgain(libvirt, op));
    await op.step("restore", "Restoring the saved machine", async () => {
      try {
        await libvirt.startDomain(domain, op.signal);
      } catch (error) {
        if (!(error instanceof LibvirtError)) throw error;
        throw new MkError("DRIVER_FAILED", `${context.name} cannot be restored as it was saved: ${error.message}`, {
          hint: `Run 'virsh -c ${config.uri} managedsave-remove ${domain.name}', then start it: it boots anew.`,
          cause: error,
        });
      }
    });
  }

  async function removeDomain(libvirt: Libvirt, op: Operation): Promise<void> {
    const domain = await libvirt.domain(id, op.signal);
    if (!domain) return;
    // A paused domain is active too: destroy asks for no state, and undefine then leaves nothing behind.
    await libvirt.destroyDomain(domain, op.signal);
    await libvirt.undefineDomain(domain, op.signal);
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

/** A domain that is gone is off too. */
function isOff(found: { readonly state: DomainState } | undefined): boolean {
  return !found || found.state === "shutoff" || found.state === "nostate";
}

function statusOf(state: Exclude<DomainState, "shutoff" | "nostate">, reason: number): MachineStatus {
  switch (state) {
    case "running":
    case "blocked":
      return { state: "running" };
    case "paused":
      return reason === PAUSED_IO_ERROR
        ? { state: "paused", reason: "a disk of the host is full or failed" }
        : { state: "paused" };
    case "shutdown":
      return { state: "stopping" };
    case "pmsuspended":
      return { state: "paused", reason: "the guest suspended itself" };
    case "crashed":
      return { state: "broken", reason: "the guest crashed" };
    default:
      return state satisfies never;
  }
}
