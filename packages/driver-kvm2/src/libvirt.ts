import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import { connectSocket } from "./libvirt-socket.js";
import { LibvirtError, RpcConnection, type RpcEvent } from "./rpc-connection.js";
import { type XdrReader, XdrWriter } from "./xdr.js";

// Procedure numbers of libvirt's src/remote/remote_protocol.x, which only ever grows at its end.
const PROC = {
  connectOpen: 1,
  connectClose: 2,
  connectGetVersion: 4,
  domainCreate: 9,
  domainCreateXml: 10,
  domainDefineXml: 11,
  domainDestroy: 12,
  domainGetXml: 14,
  domainLookupByName: 23,
  domainLookupByUuid: 24,
  domainResume: 28,
  domainSuspend: 34,
  networkCreate: 39,
  networkDefineXml: 41,
  networkDestroy: 42,
  networkGetXml: 43,
  networkLookupByName: 46,
  networkLookupByUuid: 47,
  networkUndefine: 49,
  authList: 66,
  authPolkit: 70,
  networkIsActive: 152,
  getLibVersion: 157,
  domainManagedSave: 182,
  domainHasManagedSave: 183,
  domainGetState: 212,
  domainUndefineFlags: 231,
  domainBlockResize: 251,
  domainShutdownFlags: 258,
  listAllDomains: 273,
  listAllNetworks: 283,
  eventRegister: 316,
  eventLifecycle: 318,
  networkDhcpLeases: 341,
} as const;

/** virErrorNumber values that mean something to mk (libvirt's include/libvirt/virterror.h). */
export const LIBVIRT_ERROR = {
  operationFailed: 9,
  noDomain: 42,
  noNetwork: 43,
  authFailed: 45,
  operationInvalid: 55,
  accessDenied: 88,
} as const;

const UNDEFINE_MANAGED_SAVE = 1;
const UNDEFINE_SNAPSHOTS = 2;
const UNDEFINE_NVRAM = 4;
const SHUTDOWN_ACPI = 1;
const BLOCK_RESIZE_BYTES = 1;
const EVENT_LIFECYCLE = 0;

/** virDomainState, by its number. */
const DOMAIN_STATES = [
  "nostate",
  "running",
  "blocked",
  "paused",
  "shutdown",
  "shutoff",
  "crashed",
  "pmsuspended",
] as const;
export type DomainState = (typeof DOMAIN_STATES)[number];
/** virDomainPausedReason: 5 is an I/O error. */
export const PAUSED_IO_ERROR = 5;

const LIFECYCLE = [
  "defined",
  "undefined",
  "started",
  "suspended",
  "resumed",
  "stopped",
  "shutdown",
  "pmsuspended",
  "crashed",
] as const;
export interface LifecycleEvent {
  readonly uuid: string;
  readonly event: (typeof LIFECYCLE)[number] | "other";
}

/** A domain or a network as libvirt names it in calls. */
export interface LibvirtObject {
  readonly name: string;
  readonly uuid: string;
}
export interface Domain extends LibvirtObject {
  readonly id: number;
}

export interface DhcpLease {
  readonly mac: string;
  readonly address: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

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
      throw new MkError("PERMISSION_DENIED", `libvirt refused the connection to ${uri}: ${cause.message}`, {
        hint: "Run 'sudo usermod -aG libvirt $USER' and log in again.",
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
      this.#call(PROC.getLibVersion, new XdrWriter(), signal),
      this.#call(PROC.connectGetVersion, new XdrWriter(), signal),
    ]);
    return { libvirt: formatVersion(library.uhyper()), qemu: formatVersion(hypervisor.uhyper()) };
  }

  domain(uuid: string, signal: AbortSignal): Promise<Domain | undefined> {
    return absentIf([LIBVIRT_ERROR.noDomain], async () =>
      readDomain(await this.#call(PROC.domainLookupByUuid, new XdrWriter().fixed(uuidBytes(uuid)), signal)),
    );
  }

  domainByName(name: string, signal: AbortSignal): Promise<Domain | undefined> {
    return absentIf([LIBVIRT_ERROR.noDomain], async () =>
      readDomain(await this.#call(PROC.domainLookupByName, new XdrWriter().string(name), signal)),
    );
  }

  async domains(signal: AbortSignal): Promise<readonly Domain[]> {
    return (await this.#call(PROC.listAllDomains, new XdrWriter().int(1).uint(0), signal)).array(readDomain);
  }

  async defineDomain(xml: string, signal: AbortSignal): Promise<Domain> {
    return readDomain(await this.#call(PROC.domainDefineXml, new XdrWriter().string(xml), signal));
  }

  /** Starts a transient domain. */
  async createDomain(xml: string, signal: AbortSignal): Promise<Domain> {
    return readDomain(await this.#call(PROC.domainCreateXml, new XdrWriter().string(xml).uint(0), signal));
  }

  async startDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.domainCreate, domainArgs(domain), signal);
  }

  /** Presses the ACPI power button; returns at once. */
  async shutdownDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.domainShutdownFlags, domainArgs(domain).uint(SHUTDOWN_ACPI), signal);
  }

  /** Ends the domain's process and returns when it is gone. A domain that is off or gone already is fine. */
  async destroyDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.operationInvalid, LIBVIRT_ERROR.noDomain], () =>
      this.#call(PROC.domainDestroy, domainArgs(domain), signal),
    );
  }

  /** Also removes what libvirt keeps of it: managed save, snapshot metadata, NVRAM. */
  async undefineDomain(domain: Domain, signal: AbortSignal): Promise<void> {
    const flags = UNDEFINE_MANAGED_SAVE | UNDEFINE_SNAPSHOTS | UNDEFINE_NVRAM;
    await absentIf([LIBVIRT_ERROR.noDomain], () =>
      this.#call(PROC.domainUndefineFlags, domainArgs(domain).uint(flags), signal),
    );
  }

  async domainState(
    domain: Domain,
    signal: AbortSignal,
  ): Promise<{ readonly state: DomainState; readonly reason: number }> {
    const reply = await this.#call(PROC.domainGetState, domainArgs(domain).uint(0), signal);
    return { state: DOMAIN_STATES[reply.int()] ?? "nostate", reason: reply.int() };
  }

  async domainXml(domain: Domain, signal: AbortSignal): Promise<string> {
    return (await this.#call(PROC.domainGetXml, domainArgs(domain).uint(0), signal)).string();
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
    return (await this.#call(PROC.domainHasManagedSave, domainArgs(domain).uint(0), signal)).int() === 1;
  }

  async resizeDisk(domain: Domain, disk: string, bytes: number, signal: AbortSignal): Promise<void> {
    await this.#call(
      PROC.domainBlockResize,
      domainArgs(domain).string(disk).uhyper(BigInt(bytes)).uint(BLOCK_RESIZE_BYTES),
      signal,
    );
  }

  network(uuid: string, signal: AbortSignal): Promise<LibvirtObject | undefined> {
    return absentIf([LIBVIRT_ERROR.noNetwork], async () =>
      readNetwork(await this.#call(PROC.networkLookupByUuid, new XdrWriter().fixed(uuidBytes(uuid)), signal)),
    );
  }

  networkByName(name: string, signal: AbortSignal): Promise<LibvirtObject | undefined> {
    return absentIf([LIBVIRT_ERROR.noNetwork], async () =>
      readNetwork(await this.#call(PROC.networkLookupByName, new XdrWriter().string(name), signal)),
    );
  }

  async networks(signal: AbortSignal): Promise<readonly LibvirtObject[]> {
    return (await this.#call(PROC.listAllNetworks, new XdrWriter().int(1).uint(0), signal)).array(readNetwork);
  }

  async defineNetwork(xml: string, signal: AbortSignal): Promise<LibvirtObject> {
    return readNetwork(await this.#call(PROC.networkDefineXml, new XdrWriter().string(xml), signal));
  }

  async startNetwork(network: LibvirtObject, signal: AbortSignal): Promise<void> {
    await this.#call(PROC.networkCreate, networkArgs(network), signal);
  }

  async destroyNetwork(network: LibvirtObject, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.operationInvalid], () =>
      this.#call(PROC.networkDestroy, networkArgs(network), signal),
    );
  }

  async undefineNetwork(network: LibvirtObject, signal: AbortSignal): Promise<void> {
    await absentIf([LIBVIRT_ERROR.noNetwork], () => this.#call(PROC.networkUndefine, networkArgs(network), signal));
  }

  async isNetworkActive(network: LibvirtObject, signal: AbortSignal): Promise<boolean> {
    return (await this.#call(PROC.networkIsActive, networkArgs(network), signal)).int() === 1;
  }

  async networkXml(network: LibvirtObject, signal: AbortSignal): Promise<string> {
    return (await this.#call(PROC.networkGetXml, networkArgs(network).uint(0), signal)).string();
  }

  async leases(network: LibvirtObject, signal: AbortSignal): Promise<readonly DhcpLease[]> {
    const args = networkArgs(network)
      .optional<string>(undefined, () => undefined)
      .int(1)
      .uint(0);
    return (await this.#call(PROC.networkDhcpLeases, args, signal)).array(readLease);
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

  async #call(procedure: number, args: XdrWriter, signal: AbortSignal): Promise<XdrReader> {
    return await this.#rpc.call(procedure, args, signal);
  }
}

export type LibvirtUri = "qemu:///system" | "qemu:///session";

async function absentIf<T>(codes: readonly number[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LibvirtError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll("-", ""), "hex");
}

function readUuid(reader: XdrReader): string {
  return reader
    .fixed(16)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function readDomain(reader: XdrReader): Domain {
  return { name: reader.string(), uuid: readUuid(reader), id: reader.int() };
}

function readNetwork(reader: XdrReader): LibvirtObject {
  return { name: reader.string(), uuid: readUuid(reader) };
}

function domainArgs(domain: Domain): XdrWriter {
  return new XdrWriter().string(domain.name).fixed(uuidBytes(domain.uuid)).int(domain.id);
}

function networkArgs(network: LibvirtObject): XdrWriter {
  return new XdrWriter().string(network.name).fixed(uuidBytes(network.uuid));
}

function readLease(reader: XdrReader): DhcpLease {
  reader.string();
  const expires = Number(reader.hyper());
  reader.int();
  const mac = reader.optional((r) => r.string()) ?? "";
  reader.optional((r) => r.string());
  const address = reader.string();
  reader.uint();
  reader.optional((r) => r.string());
  reader.optional((r) => r.string());
  return { mac, address, expires };
}

function readLifecycle({ procedure, body }: RpcEvent): LifecycleEvent | undefined {
  if (procedure !== PROC.eventLifecycle) return undefined;
  body.int();
  const domain = readDomain(body);
  return { uuid: domain.uuid, event: LIFECYCLE[body.int()] ?? "other" };
}

function formatVersion(version: bigint): string {
  return `${version / 1_000_000n}.${(version / 1000n) % 1000n}.${version % 1000n}`;
}
