import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import { connectSocket } from "./libvirt-socket.js";
import { permissionHint } from "./permission-hint.js";
import {
  type DhcpLease,
  DOMAIN_STATES,
  type Domain,
  type DomainState,
  domainArgs,
  LIBVIRT_ERROR,
  type LibvirtObject,
  type LifecycleEvent,
  networkArgs,
  PROC,
  readDomain,
  readLease,
  readLifecycle,
  readNetwork,
  uuidBytes,
} from "./remote-protocol.js";
import { LibvirtError, RpcConnection } from "./rpc-connection.js";
import { type XdrReader, XdrWriter } from "./xdr.js";

export type LibvirtUri = "qemu:///system" | "qemu:///session";

const REFUSALS: readonly number[] = [
  LIBVIRT_ERROR.operationDenied,
  LIBVIRT_ERROR.authFailed,
  LIBVIRT_ERROR.authCancelled,
  LIBVIRT_ERROR.accessDenied,
  LIBVIRT_ERROR.authUnavailable,
];

const CREATE_AUTODESTROY = 2;
const DOMAIN_XML_INACTIVE = 2;
const UNDEFINE_MANAGED_SAVE = 1;
const UNDEFINE_SNAPSHOTS = 2;
const UNDEFINE_NVRAM = 4;
const UNDEFINE_CHECKPOINTS = 16;
/** virIPAddrType: 1 is IPv6. */
const LEASE_IPV4 = 0;
const SHUTDOWN_ACPI = 1;
const EVENT_LIFECYCLE = 0;

/**
 * What mk asks of libvirt, over its own RPC: one call is about 2 ms where a `virsh` process is 17 ms, and events come unasked.
 * Methods reject with LibvirtError for what libvirt refuses; absent objects are undefined.
 */
export class Libvirt {
  readonly #rpc: RpcConnection;
  #registration: Promise<unknown> | undefined;

  private constructor(rpc: RpcConnection) {
    this.#rpc = rpc;
  }

  /** DRIVER_UNAVAILABLE or PERMISSION_DENIED with the fix when there is no daemon or the user may not use it. */
  static async connect(host: Host, uri: LibvirtUri, signal: AbortSignal): Promise<Libvirt> {
    const rpc = new RpcConnection(await connectSocket(host, uri, signal));
    try {
      const kinds = (await rpc.call(PROC.authList, new XdrWriter(), signal)).array((reader) => reader.int());
      if (kinds.includes(2)) await rpc.call(PROC.authPolkit, new XdrWriter(), signal);
      await rpc.call(
        PROC.connectOpen,
        new XdrWriter().optional(uri as string, (writer, name) => writer.string(name)).uint(0),
        signal,
      );
      return new Libvirt(rpc);
    } catch (cause) {
      rpc.close();
      if (!(cause instanceof LibvirtError)) throw cause;
      if (REFUSALS.includes(cause.code))
        throw new MkError("PERMISSION_DENIED", `libvirt refused the connection to ${uri}: ${cause.message}`, {
          hint: await permissionHint(host),
          cause,
        });
      throw new MkError("DRIVER_UNAVAILABLE", `libvirt cannot serve ${uri}: ${cause.message}`, {
        hint: "Install libvirt's QEMU driver and QEMU, then restart libvirtd (or virtqemud).",
        cause,
      });
    }
  }

  get closed(): AbortSignal {
    return this.#rpc.closed;
  }

  close(): void {
    this.#rpc.close();
  }

  /** Versions as `major.minor.release`. */
  async versions(signal: AbortSignal): Promise<{ readonly libvirt: string; readonly qemu: string }> {
    const [library, hypervisor] = await Promise.all([
      this.#ask(PROC.getLibVersion, new XdrWriter(), signal, (reply) => reply.uhyper()),
      this.#ask(PROC.connectGetVersion, new XdrWriter(), signal, (reply) => reply.uhyper()),
    ]);
    return { libvirt: formatVersion(library), qemu: formatVersion(hypervisor) };
  }

  domain(uuid: string, signal: AbortSignal): Promise<Domain | undefined> {
    return absentIf([LIBVIRT_ERROR.noDomain], () =>
      this.#ask(PROC.domainLookupByUuid, new XdrWriter().fixed(uuidBytes(uuid)), signal, readDomain),
    );
  }

  domainByName(name: string, signal: AbortSignal): Promise<Domain | undefined> {
    return absentIf([LIBVIRT_ERROR.noDomain], () =>
      this.#ask(PROC.domainLookupByName, new XdrWriter().string(name), signal, readDomain),
    );
  }

  async defineDomain(xml: string, signal: AbortSignal): Promise<Domain> {
    return await this.#ask(PROC.domainDefineXml, new XdrWriter().string(xml), signal, readDomain);
  }

  /** The definition of a domain, whether it runs or not. Undefined when it was removed meanwhile. */
  domainXml(domain: Domain, signal: AbortSignal): Promise<string | undefined> {
    return absentIf([LIBVIRT_ERROR.noDomain], () =>
      this.#ask(PROC.domainGetXml, domainArgs(domain).uint(DOMAIN_XML_INACTIVE), signal, (reply) => reply.string()),
    );
  }

  /** Starts a transient domain that ends with this connection, if nothing ends it before: it outlives no mk that is killed. */
  async createDomain(xml: string, signal: AbortSignal): Promise<Domain> {
    return await this.#ask(
      PROC.domainCreateXml,
      new XdrWriter().string(xml).uint(CREATE_AUTODESTROY),
      signal,
      readDomain,
    );
  }

  async startDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.domainCreate, domainArgs(domain), signal);
  }

  /** Presses the ACPI power button; returns at once. A domain that has gone off by itself is fine. */
  async shutdownDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.operationInvalid], () =>
      this.#call(PROC.domainShutdownFlags, domainArgs(domain).uint(SHUTDOWN_ACPI), signal),
    );
  }

  /** Ends the domain's process and returns when it is gone. A domain that is off or gone already is fine. */
  async destroyDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.operationInvalid, LIBVIRT_ERROR.noDomain], () =>
      this.#call(PROC.domainDestroy, domainArgs(domain), signal),
    );
  }

  /** Also removes what libvirt keeps of it: managed save, metadata of snapshots and checkpoints, NVRAM. */
  async undefineDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    const flags = UNDEFINE_MANAGED_SAVE | UNDEFINE_SNAPSHOTS | UNDEFINE_NVRAM | UNDEFINE_CHECKPOINTS;
    await absentIf([LIBVIRT_ERROR.noDomain], () =>
      this.#call(PROC.domainUndefineFlags, domainArgs(domain).uint(flags), signal),
    );
  }

  /** Undefined when the domain was removed meanwhile. */
  domainState(
    domain: Domain,
    signal: AbortSignal,
  ): Promise<{ readonly state: DomainState; readonly reason: number } | undefined> {
    return absentIf([LIBVIRT_ERROR.noDomain], () =>
      this.#ask(PROC.domainGetState, domainArgs(domain).uint(0), signal, (reply) => ({
        state: DOMAIN_STATES[reply.int()] ?? "nostate",
        reason: reply.int(),
      })),
    );
  }

  async suspendDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.domainSuspend, domainArgs(domain), signal);
  }

  async resumeDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.domainResume, domainArgs(domain), signal);
  }

  async saveDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.domainManagedSave, domainArgs(domain).uint(0), signal);
  }

  async isSaved(domain: Domain, signal: AbortSignal): Promise<boolean> {
    return await this.#ask(PROC.domainHasManagedSave, domainArgs(domain).uint(0), signal, (reply) => reply.int() === 1);
  }

  network(uuid: string, signal: AbortSignal): Promise<LibvirtObject | undefined> {
    return absentIf([LIBVIRT_ERROR.noNetwork], () =>
      this.#ask(PROC.networkLookupByUuid, new XdrWriter().fixed(uuidBytes(uuid)), signal, readNetwork),
    );
  }

  networkByName(name: string, signal: AbortSignal): Promise<LibvirtObject | undefined> {
    return absentIf([LIBVIRT_ERROR.noNetwork], () =>
      this.#ask(PROC.networkLookupByName, new XdrWriter().string(name), signal, readNetwork),
    );
  }

  async networks(signal: AbortSignal): Promise<readonly LibvirtObject[]> {
    return await this.#ask(PROC.listAllNetworks, new XdrWriter().int(1).uint(0), signal, (reply) =>
      reply.array(readNetwork),
    );
  }

  async defineNetwork(xml: string, signal: AbortSignal): Promise<LibvirtObject> {
    return await this.#ask(PROC.networkDefineXml, new XdrWriter().string(xml), signal, readNetwork);
  }

  async startNetwork(network: LibvirtObject, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.networkCreate, networkArgs(network), signal);
  }

  async destroyNetwork(network: LibvirtObject, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.operationInvalid, LIBVIRT_ERROR.noNetwork], () =>
      this.#call(PROC.networkDestroy, networkArgs(network), signal),
    );
  }

  async undefineNetwork(network: LibvirtObject, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.noNetwork], () => this.#call(PROC.networkUndefine, networkArgs(network), signal));
  }

  async isNetworkActive(network: LibvirtObject, signal: AbortSignal): Promise<boolean> {
    return await this.#ask(PROC.networkIsActive, networkArgs(network), signal, (reply) => reply.int() === 1);
  }

  /** Undefined when the network was removed meanwhile. */
  networkXml(network: LibvirtObject, signal: AbortSignal): Promise<string | undefined> {
    return absentIf([LIBVIRT_ERROR.noNetwork], () =>
      this.#ask(PROC.networkGetXml, networkArgs(network).uint(0), signal, (reply) => reply.string()),
    );
  }

  /** The IPv4 leases of a network that libvirt's own DHCP server has given. */
  async leases(network: LibvirtObject, signal: AbortSignal): Promise<readonly DhcpLease[]> {
    const args = networkArgs(network)
      .optional<string>(undefined, () => undefined)
      .int(1)
      .uint(0);
    return await this.#ask(PROC.networkDhcpLeases, args, signal, (reply) =>
      reply.array(readLease).filter(({ type }) => type === LEASE_IPV4),
    );
  }

  /** Life-cycle events of all domains, from when this resolves until disposed. */
  async lifecycle(listener: (event: LifecycleEvent) => void, signal: AbortSignal): Promise<Disposable> {
    const subscription = this.#rpc.onEvent((event) => {
      const lifecycle = readLifecycle(event);
      if (lifecycle) listener(lifecycle);
    });
    try {
      // Once for the connection: libvirt refuses a second registration of the same event.
      this.#registration ??= this.#call(
        PROC.eventRegister,
        new XdrWriter().int(EVENT_LIFECYCLE).optional<string>(undefined, () => undefined),
        signal,
      );
      await this.#registration;
    } catch (error) {
      this.#registration = undefined;
      subscription[Symbol.dispose]();
      throw error;
    }
    return subscription;
  }

  async #call(procedure: number, args: XdrWriter, signal: AbortSignal): Promise<void> {
    await this.#rpc.call(procedure, args, signal);
  }

  /** A call with an answer. PROTOCOL_ERROR when it does not parse. */
  async #ask<T>(procedure: number, args: XdrWriter, signal: AbortSignal, read: (reply: XdrReader) => T): Promise<T> {
    const reply = await this.#rpc.call(procedure, args, signal);
    try {
      return read(reply);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new MkError("PROTOCOL_ERROR", `libvirt's answer to procedure ${procedure} does not parse`, {
        hint: "Update libvirt, or mk's driver kvm2.",
        cause,
      });
    }
  }
}

async function absentIf<T>(codes: readonly number[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LibvirtError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

function formatVersion(version: bigint): string {
  return `${version / 1_000_000n}.${(version / 1000n) % 1000n}.${version % 1000n}`;
}
