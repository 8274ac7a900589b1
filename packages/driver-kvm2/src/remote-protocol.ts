import type { RpcEvent } from "./rpc-connection.js";
import { type XdrReader, XdrWriter } from "./xdr.js";

// libvirt's remote protocol as far as mk speaks it: its numbers, and how arguments and answers are laid out.

/** Procedure numbers of libvirt's src/remote/remote_protocol.x, which only ever grows at its end. */
export const PROC = {
  connectOpen: 1,
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
  domainShutdownFlags: 258,
  listAllNetworks: 283,
  eventRegister: 316,
  eventLifecycle: 318,
  networkDhcpLeases: 341,
} as const;

/** virErrorNumber values that mean something to mk (libvirt's include/libvirt/virterror.h). */
export const LIBVIRT_ERROR = {
  operationDenied: 29,
  noDomain: 42,
  noNetwork: 43,
  authFailed: 45,
  operationInvalid: 55,
  configUnsupported: 67,
  authCancelled: 79,
  accessDenied: 88,
  authUnavailable: 94,
} as const;

/** virDomainState, by its number. */
export const DOMAIN_STATES = [
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

/** virDomainEventType, by its number. */
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

/** What became of a domain, unasked. */
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
  readonly type: number;
  readonly mac: string;
  readonly address: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll("-", ""), "hex");
}

function readUuid(reader: XdrReader): string {
  return reader
    .fixed(16)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export function readDomain(reader: XdrReader): Domain {
  return { name: reader.string(), uuid: readUuid(reader), id: reader.int() };
}

export function readNetwork(reader: XdrReader): LibvirtObject {
  return { name: reader.string(), uuid: readUuid(reader) };
}

export function domainArgs(domain: Domain): XdrWriter {
  return new XdrWriter().string(domain.name).fixed(uuidBytes(domain.uuid)).int(domain.id);
}

export function networkArgs(network: LibvirtObject): XdrWriter {
  return new XdrWriter().string(network.name).fixed(uuidBytes(network.uuid));
}

export function readLease(reader: XdrReader): DhcpLease {
  reader.string();
  const expires = Number(reader.hyper());
  const type = reader.int();
  const mac = reader.optional((r) => r.string()) ?? "";
  reader.optional((r) => r.string());
  const address = reader.string();
  reader.uint();
  reader.optional((r) => r.string());
  reader.optional((r) => r.string());
  return { type, mac, address, expires };
}

export function readLifecycle({ procedure, body }: RpcEvent): LifecycleEvent | undefined {
  if (procedure !== PROC.eventLifecycle) return undefined;
  body.int();
  const domain = readDomain(body);
  return { uuid: domain.uuid, event: LIFECYCLE[body.int()] ?? "other" };
}
