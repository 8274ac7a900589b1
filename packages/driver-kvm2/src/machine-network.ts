import type { Endpoint, MachineContext, Operation, PortLease, PortSpec } from "@mk/core";
import { MkError } from "@mk/core";
import { USER_NETWORK } from "@mk/vm";
import { anotherMachine } from "./another-machine.js";
import { bridgeName, isBridgeName, type Kvm2Config, networkUuid } from "./config.js";
import type { Libvirt } from "./libvirt.js";
import { type NetworkFacts, networkXml, parseNetworkXml } from "./network-xml.js";
import type { LibvirtObject } from "./remote-protocol.js";
import { LibvirtError } from "./rpc-connection.js";
import { chooseSubnet, inTheWay, overlapsAny, type UsedSubnets } from "./subnet.js";

/** What the guest is told of its network, and the addresses by which the host reaches it. */
export interface GuestNetwork {
  readonly parameters: { readonly "mk.ip": string };
  readonly addresses: readonly string[];
}

interface Forwards {
  readonly forwards: readonly PortSpec[];
}

/** The network of one machine: its own NAT network, one of the user's, or QEMU's user network in a libvirt session. */
export class MachineNetwork {
  readonly #config: Kvm2Config;
  readonly #context: MachineContext;
  #leases: readonly PortLease[] = [];

  constructor(config: Kvm2Config, context: MachineContext) {
    this.#config = config;
    this.#context = context;
  }

  /** Name of the libvirt network that the domain joins. */
  async name(libvirt: Libvirt, signal: AbortSignal): Promise<string> {
    if (this.#config.network !== undefined) return this.#config.network;
    return (await this.#own(libvirt, signal))?.name ?? this.#config.domain;
  }

  /** Defines the machine's own network on a subnet that overlaps nothing; checks that the user's exists. */
  async define(libvirt: Libvirt, op: Operation): Promise<void> {
    if (this.#config.uri === "qemu:///session") return;
    if (this.#config.network !== undefined) return void (await this.#foreign(libvirt, this.#config.network, op.signal));
    if (await this.#own(libvirt, op.signal)) return;
    await this.#defineOwn(libvirt, op);
  }

  /** Starts the network where it is not active. One whose subnet is taken meanwhile gets another. */
  async start(libvirt: Libvirt, op: Operation): Promise<{ readonly name: string; readonly guest: GuestNetwork }> {
    const network =
      this.#config.network === undefined
        ? ((await this.#own(libvirt, op.signal)) ?? (await this.#defineOwn(libvirt, op)))
        : await this.#foreign(libvirt, this.#config.network, op.signal);
    if (!(await libvirt.isNetworkActive(network, op.signal))) await this.#activate(libvirt, network, op);
    return { name: network.name, guest: await this.guestOf(libvirt, op) };
  }

  /** Starts the network as it is, for a guest that knows its address already. */
  async startAgain(libvirt: Libvirt, op: Operation): Promise<void> {
    if (this.#config.uri === "qemu:///session") return;
    const network =
      this.#config.network === undefined
        ? await this.#own(libvirt, op.signal)
        : await this.#foreign(libvirt, this.#config.network, op.signal);
    if (network && !(await libvirt.isNetworkActive(network, op.signal))) await libvirt.startNetwork(network, op.signal);
  }

  /**
   * Removes the machine's own network, whose domain is gone: never one of the user's. NETWORK_CONFLICT when another domain is on it, which
   * would lose its connection.
   */
  async remove(libvirt: Libvirt, op: Operation): Promise<void> {
    // A session has none, and its libvirt may have no driver to ask.
    if (this.#config.uri === "qemu:///session") return;
    const network = await this.#own(libvirt, op.signal);
    if (!network) return;
    const { connections = 0 } = (await this.#factsOf(libvirt, network, op.signal)) ?? {};
    if (connections > 0) {
      throw new MkError("NETWORK_CONFLICT", `other domains are on the network ${network.name}: ${connections}`, {
        hint: "Shut them down, or detach them with 'virsh detach-interface <domain> network', and delete the machine again.",
        details: { network: network.name, connections },
      });
    }
    await libvirt.destroyNetwork(network, op.signal);
    await libvirt.undefineNetwork(network, op.signal);
  }

  async guestOf(libvirt: Libvirt, op: Operation): Promise<GuestNetwork> {
    if (this.#config.uri === "qemu:///session") return this.userGuest();
    if (this.#config.network !== undefined) {
      const network = await this.#foreign(libvirt, this.#config.network, op.signal);
      const leases = (await libvirt.leases(network, op.signal)).filter(
        (lease) => lease.mac.toLowerCase() === this.#config.mac,
      );
      const newest = [...leases].sort((a, b) => b.expires - a.expires)[0];
      return { parameters: { "mk.ip": "dhcp" }, addresses: newest ? [newest.address] : [] };
    }
    const network = await this.#own(libvirt, op.signal);
    const facts = network && (await this.#factsOf(libvirt, network, op.signal));
    const ours = facts?.addresses[0];
    const address = facts?.hosts.find((host) => host.mac === this.#config.mac)?.ip;
    if (!ours || !address) return { parameters: { "mk.ip": "dhcp" }, addresses: [] };
    // Told by the command line rather than by DHCP: the first lease of a new MAC address takes dnsmasq 7 s, measured.
    return {
      parameters: { "mk.ip": `${address}/${ours.prefix},${ours.gateway},${ours.gateway}` },
      addresses: [address],
    };
  }

  userGuest(): GuestNetwork {
    return { parameters: USER_NETWORK, addresses: ["127.0.0.1"] };
  }

  /** Holds a host port for each guest port, the last start's where it is free, until {@link releasePorts}. */
  async leasePorts(wanted: readonly PortSpec[], op: Operation): Promise<readonly PortSpec[]> {
    const before = (await this.#forwards())?.forwards ?? [];
    const leases: PortLease[] = [];
    op.undo(async () => void (await Promise.all(leases.map((lease) => lease.release()))));
    const forwards: PortSpec[] = [];
    for (const port of wanted) {
      const preferred = port.hostPort || before.find((forward) => forward.guestPort === port.guestPort)?.hostPort;
      const lease = await this.#context.host.network.leasePort({
        host: port.hostAddress,
        ...(preferred !== undefined && { preferred }),
        exact: port.hostPort !== 0,
      });
      leases.push(lease);
      forwards.push({ ...port, hostPort: lease.port });
    }
    this.#leases = leases;
    await this.#context.record.write({ forwards } satisfies Forwards);
    return forwards;
  }

  async releasePorts(): Promise<void> {
    await Promise.all(this.#leases.map((lease) => lease.release()));
    this.#leases = [];
  }

  async forwardOf(guestPort: number): Promise<Endpoint> {
    const forward = (await this.#forwards())?.forwards.find((candidate) => candidate.guestPort === guestPort);
    if (!forward) {
      throw new MkError("NOT_SUPPORTED", `port ${guestPort} of ${this.#context.name} is not forwarded`, {
        hint: `Stop it, then start it with '--port ${guestPort} --allow=restart'.`,
      });
    }
    return { host: forward.hostAddress, port: forward.hostPort };
  }

  async #forwards(): Promise<Forwards | undefined> {
    const record = await this.#context.record.read();
    return typeof record === "object" && record !== null && "forwards" in record && Array.isArray(record.forwards)
      ? (record as Forwards)
      : undefined;
  }

  async #own(libvirt: Libvirt, signal: AbortSignal): Promise<LibvirtObject | undefined> {
    return await libvirt.network(networkUuid(this.#context.id), signal);
  }

  async #foreign(libvirt: Libvirt, name: string, signal: AbortSignal): Promise<LibvirtObject> {
    const network = await libvirt.networkByName(name, signal);
    if (!network)
      throw new MkError("INVALID_OPTION", `libvirt has no network ${name}`, {
        hint: "List the networks with 'virsh net-list --all', or leave --kvm2-network out.",
      });
    if ((await this.#factsOf(libvirt, network, signal))?.dhcp === false)
      throw new MkError(
        "INVALID_OPTION",
        `libvirt gives no addresses on network ${name}, so mk could not find its machine`,
        {
          hint: "Choose a network with <dhcp>, or leave --kvm2-network out.",
        },
      );
    return network;
  }

  /** Defines it on a subnet that nothing uses, of which `taken` are not known to the host. */
  async #defineOwn(libvirt: Libvirt, op: Operation, taken: readonly string[] = []): Promise<LibvirtObject> {
    const { id, name } = this.#context;
    const used = await this.#usedSubnets(libvirt, op.signal);
    const subnet = chooseSubnet({ ...used, taken: [...used.taken, ...taken] });
    if (overlapsAny(subnet.cidr, used.routes)) {
      op.log("the machine's network hides its addresses from a route of the host", { subnet: subnet.cidr });
    }
    try {
      return await libvirt.defineNetwork(
        networkXml({
          name: this.#config.domain,
          uuid: networkUuid(id),
          bridge: bridgeName(id),
          subnet,
          host: { name, mac: this.#config.mac },
        }),
        op.signal,
      );
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      // Asked, not read from the error: its text is in the daemon's language.
      const other = await libvirt.networkByName(this.#config.domain, op.signal);
      if (!other || other.uuid === networkUuid(id)) throw error;
      const { bridge = "" } = (await this.#factsOf(libvirt, other, op.signal)) ?? {};
      if (isBridgeName(bridge)) throw anotherMachine(this.#config.domain, this.#config.uri, error);
      throw new MkError("NETWORK_CONFLICT", `libvirt has a network ${this.#config.domain} that is not mk's`, {
        hint: "Choose another machine name, or rename that network.",
        cause: error,
      });
    }
  }

  /** Another network, or a route of the host, may have got its subnet since: then it is defined anew, as often as that happens. */
  async #activate(libvirt: Libvirt, network: LibvirtObject, op: Operation): Promise<void> {
    const taken: string[] = [];
    for (let current = network; ; ) {
      try {
        return await libvirt.startNetwork(current, op.signal);
      } catch (error) {
        if (!(error instanceof LibvirtError) || this.#config.network !== undefined) throw error;
        const own = subnetsOf(await this.#factsOf(libvirt, current, op.signal));
        const used = inTheWay(await this.#usedSubnets(libvirt, op.signal, current));
        if (!own.some((subnet) => overlapsAny(subnet, used))) throw error;
        op.log("the subnet is taken meanwhile, another is chosen", { network: current.name, subnets: own });
        taken.push(...own);
        await libvirt.undefineNetwork(current, op.signal);
        current = await this.#defineOwn(libvirt, op, taken);
      }
    }
  }

  /** The host's, and those of all other networks, whether they are active or not: they would clash when both are started. */
  async #usedSubnets(libvirt: Libvirt, signal: AbortSignal, except?: LibvirtObject): Promise<UsedSubnets> {
    const { network: host } = this.#context.host;
    const taken = [...(await host.interfaceSubnets())];
    for (const network of await libvirt.networks(signal)) {
      if (network.uuid !== except?.uuid) taken.push(...subnetsOf(await this.#factsOf(libvirt, network, signal)));
    }
    return { taken, routes: await host.usedSubnets() };
  }

  /** Undefined when another program removed it since it was listed. */
  async #factsOf(libvirt: Libvirt, network: LibvirtObject, signal: AbortSignal): Promise<NetworkFacts | undefined> {
    const xml = await libvirt.networkXml(network, signal);
    return xml === undefined ? undefined : parseNetworkXml(xml);
  }
}

function subnetsOf(facts: NetworkFacts | undefined): readonly string[] {
  return facts?.addresses.map(({ gateway, prefix }) => `${gateway}/${prefix}`) ?? [];
}
