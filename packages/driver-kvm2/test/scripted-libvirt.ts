import type { Duplex } from "node:stream";
import { type ScriptedHost, type ScriptedHostOptions, type ScriptedProcess, scriptedHost } from "@mk/conformance";
import { XMLParser } from "fast-xml-parser";
import type { LibvirtUri } from "../src/libvirt.js";
import { XdrReader, XdrWriter } from "../src/xdr.js";

const PROGRAM = 0x20008086;
const NO_DOMAIN = 42;
const NO_NETWORK = 43;
const INTERNAL_ERROR = 1;
const NO_SUPPORT = 3;
const OPERATION_FAILED = 9;
const OPERATION_INVALID = 55;
const CONFIG_UNSUPPORTED = 67;
const AUTODESTROY = 2;
const RUNNING = 1;
const PAUSED = 3;
const SHUTOFF = 5;
/** Calls of the network driver. */
const NETWORK_CALLS: readonly number[] = [39, 41, 42, 43, 46, 47, 49, 152, 283, 341];
/** Calls that wait for their turn to change a domain. */
const CHANGES: readonly number[] = [9, 12, 28, 34, 182, 258];
const EVENT = { started: 2, suspended: 3, resumed: 4, stopped: 5, shutdown: 6 } as const;

interface FakeDomain {
  readonly name: string;
  readonly uuid: string;
  xml: string;
  state: number;
  reason: number;
  saved: boolean;
  /** Its process ended while no daemon ran. */
  isLost?: boolean;
  /** The connection that a transient domain ends with. */
  readonly creator?: Duplex;
  /** Ends QEMU's listeners on the host. */
  closePorts(): void;
}

interface FakeNetwork {
  readonly name: string;
  readonly uuid: string;
  readonly xml: string;
  readonly gateway: string;
  active: boolean;
}

class Refusal extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  htmlEntities: true,
});

/**
 * A libvirt that keeps its definitions over reboots, in memory, and speaks the real protocol on the scripted host's socket. Its texts are
 * not English, as those of a daemon in another locale: nothing may rest on them.
 */
export class ScriptedLibvirt {
  readonly domains = new Map<string, FakeDomain>();
  readonly networks = new Map<string, FakeNetwork>();
  readonly #clients = new Set<{ readonly stream: Duplex; listening: boolean }>();
  #host: ScriptedHost | undefined;
  /** A guest that does not heed its power button. */
  deaf = false;
  /** A KVM that creates machines and never runs them. */
  lifeless = false;
  /** The types this QEMU has, newest first. */
  machineTypes: readonly string[] = ["pc-q35-7.2"];
  /** What transient domains need to boot, ms. */
  bootMs = 0;
  /** Runs in the daemon between a call's arrival and its answer. */
  before: ((procedure: number) => void) | undefined;
  readonly #uri: LibvirtUri;

  constructor(uri: LibvirtUri = "qemu:///system") {
    this.#uri = uri;
  }

  /** A host on which it listens already. */
  async host(options: ScriptedHostOptions = {}): Promise<ScriptedHost> {
    const host = scriptedHost({
      ...options,
      services: { "/usr/sbin/libvirtd": (process) => this.#serve(process) },
      inventory: () => [
        ...[...this.domains.values()].map(({ name }) => `domain ${name}`),
        ...[...this.networks.values()].map(({ name }) => `network ${name}`),
      ],
    });
    this.#host = host;
    await host.delay(1000, AbortSignal.timeout(1000));
    return host;
  }

  /**
   * The daemon is killed and started anew while the processes of all domains end. As the real one it sends no event of that, and says that
   * they run until it has looked for them, which calls that change a domain wait for.
   */
  restartWithoutDomains(): void {
    for (const domain of this.domains.values()) domain.isLost = domain.state !== SHUTOFF;
    for (const { stream } of this.#clients) stream.destroy();
  }

  #serve(process: ScriptedProcess): Promise<never> {
    const directory = this.#uri === "qemu:///system" ? "/run/libvirt" : `${process.host.homeDirectory}/.cache/libvirt`;
    process.host.files.place(`${directory}/.keep`, "");
    // A new boot: what ran is off, what was defined is still there.
    for (const domain of this.domains.values()) {
      domain.state = SHUTOFF;
      domain.closePorts();
    }
    for (const network of this.networks.values()) network.active = false;
    process.listen({ path: `${directory}/libvirt-sock` }, (stream) => this.#accept(stream));
    return process.forever();
  }

  #accept(stream: Duplex): void {
    const client = { stream, listening: false };
    this.#clients.add(client);
    stream.on("close", () => {
      this.#clients.delete(client);
      for (const domain of this.domains.values()) if (domain.creator === stream) this.#end(domain);
    });
    let received = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= received.readUInt32BE()) {
        const length = received.readUInt32BE();
        const frame = new XdrReader(received.subarray(4, length));
        received = received.subarray(length);
        frame.uint();
        frame.uint();
        const procedure = frame.int();
        frame.int();
        const serial = frame.uint();
        frame.int();
        this.#answer(client, procedure, serial, frame);
      }
    });
  }

  #answer(
    client: { readonly stream: Duplex; listening: boolean },
    procedure: number,
    serial: number,
    args: XdrReader,
  ): void {
    const body = new XdrWriter();
    try {
      this.#call(client, procedure, args, body);
      send(client.stream, procedure, 1, serial, 0, body);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const refusal = new XdrWriter()
        .int(error.code)
        .int(10)
        .optional(error.message, (writer, text) => writer.string(text));
      send(client.stream, procedure, 1, serial, 1, refusal);
    }
  }

  #call(
    client: { readonly stream: Duplex; listening: boolean },
    procedure: number,
    args: XdrReader,
    reply: XdrWriter,
  ): void {
    this.before?.(procedure);
    // As of virtqemud, when no virtnetworkd is installed.
    if (this.#uri === "qemu:///session" && NETWORK_CALLS.includes(procedure))
      throw new Refusal(NO_SUPPORT, "diese Funktion wird nicht unterstützt");
    switch (procedure) {
      case 1:
      case 70:
        return;
      case 66:
        reply.uint(1).int(0);
        return;
      case 4:
        reply.uhyper(7_002_022n);
        return;
      case 157:
        reply.uhyper(9_000_000n);
        return;
      case 316:
        client.listening = true;
        reply.int(0);
        return;
      case 10:
        this.#runTransient(args.string(), args.uint() === AUTODESTROY ? client.stream : undefined, reply);
        return;
      case 11:
        writeObject(reply, this.#defineDomain(args.string())).int(-1);
        return;
      case 23:
        this.#found([...this.domains.values()].find(byName(args.string())), reply);
        return;
      case 24:
        this.#found(this.domains.get(uuidOf(args)), reply);
        return;
      case 283:
        reply.uint(this.networks.size);
        for (const network of this.networks.values()) writeObject(reply, network);
        reply.uint(this.networks.size);
        return;
      case 41:
        writeObject(reply, this.#defineNetwork(args.string()));
        return;
      case 46:
        writeObject(reply, existing([...this.networks.values()].find(byName(args.string())), NO_NETWORK));
        return;
      case 47:
        writeObject(reply, existing(this.networks.get(uuidOf(args)), NO_NETWORK));
        return;
      case 39:
      case 42:
      case 43:
      case 49:
      case 152:
      case 341:
        this.#onNetwork(procedure, args, reply);
        return;
      default:
        this.#onDomain(procedure, args, reply);
        return;
    }
  }

  #onDomain(procedure: number, args: XdrReader, reply: XdrWriter): void {
    args.string();
    const domain = existing(this.domains.get(uuidOf(args)), NO_DOMAIN);
    args.int();
    if (domain.isLost && CHANGES.includes(procedure)) {
      domain.isLost = false;
      domain.state = SHUTOFF;
      domain.closePorts();
    }
    switch (procedure) {
      case 9:
        this.#start(domain);
        return;
      case 12:
        if (domain.state === SHUTOFF) throw new Refusal(OPERATION_INVALID, "domain is not running");
        this.#end(domain);
        return;
      case 14:
        reply.string(domain.xml);
        return;
      case 28:
        domain.state = RUNNING;
        return;
      case 34:
        domain.state = PAUSED;
        return;
      case 182:
        domain.saved = true;
        this.#end(domain);
        return;
      case 183:
        reply.int(domain.saved ? 1 : 0);
        return;
      case 212:
        reply.int(domain.state).int(domain.reason);
        return;
      case 231:
        if (domain.state !== SHUTOFF) throw new Refusal(OPERATION_INVALID, "an active domain stays, transient");
        this.domains.delete(domain.uuid);
        return;
      case 258:
        if (domain.state === SHUTOFF) throw new Refusal(OPERATION_INVALID, "domain is not running");
        if (!this.deaf) setImmediate(() => this.#end(domain));
        return;
      default:
        throw new TypeError(`the driver called procedure ${procedure}`);
    }
  }

  #onNetwork(procedure: number, args: XdrReader, reply: XdrWriter): void {
    args.string();
    const network = existing(this.networks.get(uuidOf(args)), NO_NETWORK);
    switch (procedure) {
      case 39:
        if ([...this.networks.values()].some((other) => other.active && other.gateway === network.gateway))
          throw new Refusal(INTERNAL_ERROR, "Netzwerk wird bereits verwendet");
        network.active = true;
        return;
      case 42:
        if (!network.active) throw new Refusal(OPERATION_INVALID, "network is not active");
        network.active = false;
        return;
      case 43:
        reply.string(this.#liveXml(network));
        return;
      case 49:
        this.networks.delete(network.uuid);
        return;
      case 152:
        reply.int(network.active ? 1 : 0);
        return;
      default:
        reply.uint(0).uint(0);
    }
  }

  /** As libvirt describes an active network: how many interfaces of running domains are on it, if any. */
  #liveXml({ name, xml }: FakeNetwork): string {
    const joined = [...this.domains.values()].filter(
      (domain) => domain.state !== SHUTOFF && domain.xml.includes(`<source network="${name}"/>`),
    );
    return joined.length === 0 ? xml : xml.replace("<network>", `<network connections="${joined.length}">`);
  }

  #defineDomain(given: string): FakeDomain {
    const xml = given.replace('machine="q35"', `machine="${this.machineTypes[0]}"`);
    const { name, uuid, os } = parser.parse(xml).domain as { name: string; uuid: string; os: { type: object } };
    const machineType = (os.type as { "@machine": string })["@machine"];
    if (machineType !== "virt" && !this.machineTypes.includes(machineType))
      throw new Refusal(CONFIG_UNSUPPORTED, `Emulator unterstützt den Maschinentyp »${machineType}« nicht`);
    const same = [...this.domains.values()].find(byName(name));
    if (same && same.uuid !== uuid)
      throw new Refusal(OPERATION_FAILED, `Domain »${name}« existiert bereits mit UUID ${same.uuid}`);
    const known = this.domains.get(uuid);
    if (known && known.name !== name)
      throw new Refusal(OPERATION_FAILED, `Domain »${known.name}« ist bereits mit UUID ${uuid} definiert`);
    const domain = known ?? {
      ...{ name, uuid, xml, state: SHUTOFF, reason: 0, saved: false },
      closePorts: () => {},
    };
    domain.xml = xml;
    this.domains.set(uuid, domain);
    return domain;
  }

  #defineNetwork(xml: string): FakeNetwork {
    const { name, uuid } = parser.parse(xml).network as { name: string; uuid: string };
    const same = [...this.networks.values()].find(byName(name));
    if (same && same.uuid !== uuid)
      throw new Refusal(OPERATION_FAILED, `Netzwerk »${name}« existiert bereits mit UUID ${same.uuid}`);
    const network = { name, uuid, xml, active: false, gateway: gatewayOf(xml) };
    this.networks.set(uuid, network);
    return network;
  }

  #runTransient(xml: string, creator: Duplex | undefined, reply: XdrWriter): void {
    this.#checkForSession(xml);
    const { name, uuid, "@type": type } = parser.parse(xml).domain as { name: string; uuid: string; "@type": string };
    const domain: FakeDomain = {
      ...{ name, uuid, xml, state: RUNNING, reason: 0, saved: false },
      ...(creator && { creator }),
      closePorts: () => {},
    };
    this.domains.set(uuid, domain);
    const booted = existing(this.#host, 0).delay(this.bootMs, new AbortController().signal);
    if (!this.lifeless || type !== "kvm") void booted.then(() => this.domains.has(uuid) && this.#end(domain));
    writeObject(reply, domain).int(1);
  }

  #start(domain: FakeDomain): void {
    const parsed = parser.parse(domain.xml).domain;
    this.#checkForSession(domain.xml);
    const network = parsed.devices.interface?.source?.["@network"] as string | undefined;
    const joined = [...this.networks.values()].find(byName(network ?? ""));
    if (network !== undefined && !joined?.active)
      throw new Refusal(OPERATION_INVALID, `Netzwerk »${network}« ist nicht aktiv`);
    domain.closePorts = this.#openPorts(domain.xml);
    domain.state = RUNNING;
    domain.saved = false;
    this.#emit(domain, EVENT.started);
    const serial = parsed.devices.serial.source["@path"] as string;
    this.#host?.files.place(serial, "mk-guest: init uptime=0.1\nmk-guest: ready uptime=1.0\n");
  }

  /** QEMU's user network: it listens on the host for each rule. */
  #openPorts(xml: string): () => void {
    const closers: (() => void)[] = [];
    for (const [, address = "", port] of xml.matchAll(/hostfwd=tcp:([\d.]+):(\d+)-/g)) {
      try {
        closers.push(existing(this.#host, 0).network.listen({ host: address, port: Number(port) }, () => {}));
      } catch {
        for (const close of closers) close();
        throw new Refusal(INTERNAL_ERROR, `qemu: Could not set up host forwarding rule 'tcp:${address}:${port}-'`);
      }
    }
    return () => {
      for (const close of closers.splice(0)) close();
    };
  }

  /** A session's libvirt has no DAC driver and no network that an ordinary user could have started. */
  #checkForSession(xml: string): void {
    if (this.#uri === "qemu:///session" && /<seclabel|<interface type="network"/.test(xml))
      throw new Refusal(CONFIG_UNSUPPORTED, "nicht unterstützte Konfiguration");
  }

  #end(domain: FakeDomain): void {
    domain.state = SHUTOFF;
    domain.closePorts();
    if (domain.creator || domain.name.startsWith("mk-probe-")) this.domains.delete(domain.uuid);
    this.#emit(domain, EVENT.shutdown);
    this.#emit(domain, EVENT.stopped);
  }

  #emit(domain: FakeDomain, event: number): void {
    for (const { stream, listening } of this.#clients) {
      if (listening) send(stream, 318, 2, 0, 0, writeObject(new XdrWriter().int(0), domain).int(1).int(event).int(0));
    }
  }

  #found(domain: FakeDomain | undefined, reply: XdrWriter): void {
    writeObject(reply, existing(domain, NO_DOMAIN)).int(-1);
  }
}

function existing<T>(found: T | undefined, code: number): T {
  if (found === undefined) throw new Refusal(code, code === NO_DOMAIN ? "Domain not found" : "Network not found");
  return found;
}

function gatewayOf(xml: string): string {
  const ip = parser.parse(xml).network.ip;
  return (Array.isArray(ip) ? ip[0] : ip)?.["@address"] as string;
}

const byName =
  (name: string) =>
  (object: { readonly name: string }): boolean =>
    object.name === name;

function uuidOf(args: XdrReader): string {
  return args
    .fixed(16)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function writeObject(writer: XdrWriter, { name, uuid }: { readonly name: string; readonly uuid: string }): XdrWriter {
  return writer.string(name).fixed(Buffer.from(uuid.replaceAll("-", ""), "hex"));
}

function send(stream: Duplex, procedure: number, type: number, serial: number, status: number, body: XdrWriter): void {
  const bytes = body.toBuffer();
  if (stream.destroyed) return;
  stream.write(
    Buffer.concat([
      new XdrWriter()
        .uint(28 + bytes.length)
        .uint(PROGRAM)
        .uint(1)
        .int(procedure)
        .int(type)
        .uint(serial)
        .int(status)
        .toBuffer(),
      bytes,
    ]),
  );
}
