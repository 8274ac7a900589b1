import type { MachineContext, MachineStatus, Operation } from "@mk/core";
import { MkError } from "@mk/core";
import { anotherMachine } from "./another-machine.js";
import type { Kvm2Config } from "./config.js";
import {
  type DomainFacts,
  type DomainNetwork,
  type DomainSpec,
  domainTitle,
  domainXml,
  parseDomainXml,
} from "./domain-xml.js";
import type { Libvirt } from "./libvirt.js";
import { qemuOwner } from "./owner-label.js";
import { type Domain, type DomainState, LIBVIRT_ERROR, PAUSED_IO_ERROR } from "./remote-protocol.js";
import { LibvirtError } from "./rpc-connection.js";
import { chooseDomainType } from "./virtualization.js";

/** Absolute paths of what a domain is made of and writes. */
export interface MachineFiles {
  readonly data: string;
  readonly initrd: string;
  readonly serial: string;
}

/** What a start decides of a domain, as opposed to the machine's settings. */
interface Boot {
  readonly network: DomainNetwork;
  readonly cmdline: string;
}

/** The domain of one machine, known by its UUID. */
export class MachineDomain {
  readonly #config: Kvm2Config;
  readonly #context: MachineContext;
  readonly #files: MachineFiles;

  constructor(config: Kvm2Config, context: MachineContext, files: MachineFiles) {
    this.#config = config;
    this.#context = context;
    this.#files = files;
  }

  /** MACHINE_ABSENT when there is none. */
  async find(libvirt: Libvirt, signal: AbortSignal): Promise<Domain> {
    const { id, name } = this.#context;
    const domain = await libvirt.domain(id, signal);
    if (!domain)
      throw new MkError("MACHINE_ABSENT", `libvirt has no domain of machine ${name}`, {
        hint: `Run 'mk delete ${name}', then start it anew.`,
      });
    return domain;
  }

  async status(libvirt: Libvirt, signal: AbortSignal): Promise<MachineStatus> {
    const domain = await libvirt.domain(this.#context.id, signal);
    const found = domain && (await libvirt.domainState(domain, signal));
    if (!found) return { state: "absent" };
    const { state, reason } = found;
    if (state !== "shutoff" && state !== "nostate") return statusOf(state, reason);
    const { data } = this.#files;
    if (!(await this.#context.host.files.stat(data)))
      return { state: "broken", reason: `its data disk ${data} is gone` };
    return { state: (await libvirt.isSaved(domain, signal)) ? "saved" : "stopped" };
  }

  /** Defines the domain anew with what the spec now says; libvirt replaces the definition of the same UUID. */
  async define(libvirt: Libvirt, { network, cmdline }: Boot, op: Operation): Promise<Domain> {
    const { host, id, spec } = this.#context;
    const { uri, virtualization, cpuModel, hidden, diskCache, mac, domain: name } = this.#config;
    const image = await this.#context.image();
    const { type } = await chooseDomainType(host, libvirt, { uri, virtualization, arch: spec.arch }, op.signal);
    op.log("domain type chosen", { type });
    const present = await libvirt.domain(id, op.signal);
    const wanted: DomainSpec = {
      // Renamed by its owner it is ours still: its UUID says so, and libvirt takes no other name for a UUID it has.
      name: present?.name ?? name,
      uuid: id,
      type,
      arch: spec.arch,
      cpus: spec.cpus,
      memoryMiB: spec.memoryMiB,
      ...(cpuModel !== undefined && { cpuModel }),
      hidden,
      kernel: image.kernel,
      initrd: this.#files.initrd,
      cmdline,
      root: image.root,
      data: this.#files.data,
      diskCache,
      serialLog: this.#files.serial,
      mac,
      network,
      uri,
      owner: await qemuOwner(host),
    };
    // What libvirt made of the newest type when the domain was defined first: an upgrade of QEMU must not change the guest's hardware.
    const { machineType } = present ? await factsOf(libvirt, present, op.signal) : {};
    try {
      return await defineAs(libvirt, wanted, machineType, op);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      // Asked, not read from the error: its text is in the daemon's language.
      const other = await libvirt.domainByName(name, op.signal);
      if (!other || other.uuid === id) throw error;
      const { title } = await factsOf(libvirt, other, op.signal);
      if (title === domainTitle(name)) throw anotherMachine(name, uri, error);
      throw new MkError("MACHINE_EXISTS", `libvirt has a domain ${name} that is not mk's`, {
        hint: `Rename it with 'virsh domrename ${name} <name>', or choose another machine name.`,
        cause: error,
      });
    }
  }

  /** Starts a domain that was saved, where it was. */
  async restore(libvirt: Libvirt, domain: Domain, signal: AbortSignal): Promise<void> {
    try {
      await libvirt.startDomain(domain, signal);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      throw new MkError("DRIVER_FAILED", `${this.#context.name} cannot be restored as it was saved: ${error.message}`, {
        hint: `Run 'virsh -c ${this.#config.uri} managedsave-remove ${domain.name}', then start it: it boots anew.`,
        cause: error,
      });
    }
  }

  /**
   * Asks the guest to shut down and resolves when it is off. To be called again after libvirtd's restart: a daemon that finds a domain's
   * process gone (qemuProcessReconnect) sends no event, and says `running` until it has looked. The press waits for that look.
   */
  async shutDown(libvirt: Libvirt, signal: AbortSignal): Promise<void> {
    const domain = await this.find(libvirt, signal);
    await libvirt.shutdownDomain(domain, signal);
    await this.waitOff(libvirt, domain, signal);
  }

  async waitOff(libvirt: Libvirt, domain: Domain, signal: AbortSignal): Promise<void> {
    if (isOff(await libvirt.domainState(domain, signal))) return;
    const off = new AbortController();
    using _subscription = await libvirt.lifecycle(({ uuid, event }) => {
      if (uuid === domain.uuid && (event === "stopped" || event === "undefined")) off.abort();
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

  /** Ends it and leaves nothing of it; one that is not there is fine. */
  async remove(libvirt: Libvirt, signal: AbortSignal): Promise<void> {
    const domain = await libvirt.domain(this.#context.id, signal);
    if (!domain) return;
    // A paused domain is active too: destroy asks for no state, and undefine then leaves nothing behind.
    await libvirt.destroyDomain(domain, signal);
    await libvirt.undefineDomain(domain, signal);
  }
}

/** QEMU drops machine types after six years: then the newest is taken. */
async function defineAs(
  libvirt: Libvirt,
  wanted: DomainSpec,
  machineType: string | undefined,
  op: Operation,
): Promise<Domain> {
  if (machineType !== undefined) {
    try {
      return await libvirt.defineDomain(domainXml({ ...wanted, machineType }), op.signal);
    } catch (error) {
      if (!(error instanceof LibvirtError) || error.code !== LIBVIRT_ERROR.configUnsupported) throw error;
      op.log("libvirt refuses the machine's definition, taking the newest machine type", {
        pinned: machineType,
        reason: error.message,
      });
    }
  }
  return await libvirt.defineDomain(domainXml(wanted), op.signal);
}

/** None of a domain that was removed meanwhile. */
async function factsOf(libvirt: Libvirt, domain: Domain, signal: AbortSignal): Promise<DomainFacts> {
  return parseDomainXml((await libvirt.domainXml(domain, signal)) ?? "");
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
