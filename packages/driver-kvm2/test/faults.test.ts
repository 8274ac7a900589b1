import { Bench, type ScriptedHostOptions } from "@mk/conformance";
import { until } from "@mk/testing";
import { describe, expect, it } from "vitest";
import driver from "../src/index.js";
import { Libvirt } from "../src/libvirt.js";
import { LibvirtSession } from "../src/libvirt-session.js";
import { findKvm } from "../src/virtualization.js";
import { ScriptedLibvirt } from "./scripted-libvirt.js";

const DOMAIN_GET_STATE = 212;
const NETWORK_CREATE = 39;
const NETWORK_GET_XML = 43;
const DOMAIN_CREATE_XML = 10;
const EVENT_REGISTER = 316;
const WITH_KVM = { files: { "/dev/kvm": "" } };
const never = new AbortController().signal;

/** A machine on a scripted libvirt that can be told to misbehave. */
async function bench(
  libvirt: ScriptedLibvirt,
  options: Readonly<Record<string, unknown>> = {},
  on: ScriptedHostOptions = {},
): Promise<Bench> {
  return await Bench.open(driver, { host: () => libvirt.host(on), options });
}

/** What somebody made with another tool; active when its gateway is given. */
function foreignNetwork(libvirt: ScriptedLibvirt, name: string, ip: string, gateway?: string): void {
  const uuid = crypto.randomUUID();
  const xml = `<network><name>${name}</name><uuid>${uuid}</uuid><ip ${ip}/></network>`;
  libvirt.networks.set(uuid, { name, uuid, xml, gateway: gateway ?? name, active: gateway !== undefined });
}

describe("networks of others", () => {
  it("keep their subnets, in whatever way these are written", async () => {
    const libvirt = new ScriptedLibvirt();
    foreignNetwork(libvirt, "one", "address='192.168.39.1' prefix='24'");
    foreignNetwork(libvirt, "two", "address='192.168.50.1' netmask='255.255.255.0'");
    await using machine = await bench(libvirt);
    await machine.reach("stopped");
    expect([...libvirt.networks.values()].at(-1)?.gateway).toBe("192.168.61.1");
  });

  it("leave one within the route of a VPN that has all private ranges", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt, {}, { usedSubnets: ["192.168.0.0/16", "172.16.0.0/12"] });
    await machine.reach("running");
    expect([...libvirt.networks.values()].at(-1)?.gateway).toBe("192.168.39.1");
  });

  it("may vanish while they are looked at", async () => {
    const libvirt = new ScriptedLibvirt();
    foreignNetwork(libvirt, "other", "address='192.168.39.1' prefix='24'");
    libvirt.before = (procedure) => {
      if (procedure !== NETWORK_GET_XML) return;
      for (const [uuid, { name }] of libvirt.networks) if (name === "other") libvirt.networks.delete(uuid);
    };
    await using machine = await bench(libvirt);
    await machine.reach("running");
    expect(await machine.state()).toBe("running");
  });

  it("that are faster to take a machine's subnet make it choose another, as often as it takes", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt);
    const handle = await machine.reach("stopped");
    const own = [...libvirt.networks.values()][0]!;
    let races = 0;
    libvirt.before = (procedure) => {
      if (procedure !== NETWORK_CREATE || ++races > 3) return;
      const { gateway } = libvirt.networks.get(own.uuid)!;
      foreignNetwork(libvirt, `faster-${races}`, `address='${gateway}' prefix='24'`, gateway);
    };
    await machine.call((op) => handle.start(op));
    expect(libvirt.networks.get(own.uuid)).toMatchObject({ gateway: "192.168.72.1", active: true });
  });
});

describe("the machine's network", () => {
  it("stays when a domain of the user's is on it, which the error tells, and goes when that has ended", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt);
    const handle = await machine.reach("running");
    const [own] = libvirt.networks.values();
    const xml = `<domain><devices><interface type="network"><source network="${own?.name}"/></interface></devices></domain>`;
    const theirs = { name: "theirs", uuid: crypto.randomUUID(), xml, state: 1, reason: 0, saved: false };
    libvirt.domains.set(theirs.uuid, { ...theirs, closePorts: () => {} });
    const { result } = await machine.run((op) => handle.remove(op));
    expect(result).toMatchObject({ ok: false, error: { code: "NETWORK_CONFLICT", hint: expect.any(String) } });
    expect([...libvirt.networks.values()]).toEqual([own]);
    expect(own?.active).toBe(true);
    libvirt.domains.delete(theirs.uuid);
    await machine.call((op) => handle.remove(op));
    expect(libvirt.networks.size).toBe(0);
  });
});

describe("a network of the user's", () => {
  it("must be one on which libvirt gives addresses", async () => {
    const libvirt = new ScriptedLibvirt();
    foreignNetwork(libvirt, "bridged", "address='10.1.0.1' prefix='24'");
    await using machine = await bench(libvirt, { network: "bridged" });
    const handle = await machine.handle();
    const { result } = await machine.run((op) => handle.create(op));
    expect(result).toMatchObject({ ok: false, error: { code: "INVALID_OPTION" } });
  });
});

describe("a domain", () => {
  it("that vanishes while it is looked at is absent", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt);
    await machine.reach("running");
    libvirt.before = (procedure) => {
      if (procedure === DOMAIN_GET_STATE) libvirt.domains.clear();
    };
    expect(await machine.state()).toBe("absent");
  });

  it("that its owner renamed starts under its new name and is removed", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt);
    const handle = await machine.reach("stopped");
    const [domain] = libvirt.domains.values();
    libvirt.domains.set(domain!.uuid, { ...domain!, name: "renamed" });
    await machine.call((op) => handle.start(op));
    expect(await machine.state()).toBe("running");
    await machine.call((op) => handle.remove(op));
    expect(libvirt.domains.size).toBe(0);
  });

  it("that is another's keeps its name, whatever the language of libvirt's refusal", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt);
    const name = `mk-${machine.spec.name}`;
    const uuid = crypto.randomUUID();
    libvirt.domains.set(uuid, { name, uuid, xml: "", state: 5, reason: 0, saved: false, closePorts: () => {} });
    const handle = await machine.handle();
    const { result } = await machine.run((op) => handle.create(op));
    expect(result).toMatchObject({ ok: false, error: { code: "MACHINE_EXISTS" } });
    expect([...libvirt.domains.keys()]).toEqual([uuid]);
    expect(libvirt.networks.size).toBe(0);
  });

  it.each(["qemu:///system", "qemu:///session"] as const)(
    "of another machine of mk's on %s stays, and the error names all that is to be removed",
    async (uri) => {
      const libvirt = new ScriptedLibvirt(uri);
      await using lost = await bench(libvirt, { uri });
      await lost.reach("stopped");
      await using machine = await lost.beside();
      machine.respecify({ name: lost.spec.name });
      const name = `mk-${lost.spec.name}`;
      const objects = () => [...libvirt.domains.values(), ...libvirt.networks.values()];
      const before = objects();
      const handle = await machine.handle();
      const { result } = await machine.run((op) => handle.create(op));
      const network = `, 'virsh -c ${uri} net-destroy ${name}', 'virsh -c ${uri} net-undefine ${name}'`;
      expect(result).toMatchObject({
        ok: false,
        error: {
          code: "MACHINE_EXISTS",
          message: expect.stringContaining("another mk machine"),
          hint: `Choose another machine name, or remove that machine with 'virsh -c ${uri} destroy ${name}', 'virsh -c ${uri} undefine --managed-save ${name}'${uri === "qemu:///system" ? network : ""}.`,
        },
      });
      expect(objects()).toEqual(before);
    },
  );

  it("keeps the machine type of its first definition over QEMU's upgrades, until QEMU drops it", async () => {
    const libvirt = new ScriptedLibvirt();
    await using machine = await bench(libvirt);
    const handle = await machine.reach("stopped");
    const startOn = async (...machineTypes: readonly string[]) => {
      libvirt.machineTypes = machineTypes;
      await machine.call((op) => handle.start(op));
      await machine.call((op) => handle.kill(op));
      return /machine="([^"]+)"/.exec([...libvirt.domains.values()][0]!.xml)?.[1];
    };
    expect(await startOn("pc-q35-9.2", "pc-q35-7.2")).toBe("pc-q35-7.2");
    expect(await startOn("pc-q35-15.0")).toBe("pc-q35-15.0");
  });

  it("that ends while libvirtd is restarted is off for a stop that waits for it, though no event tells", async () => {
    const libvirt = new ScriptedLibvirt();
    libvirt.deaf = true;
    await using machine = await bench(libvirt);
    const handle = await machine.reach("running");
    let isSubscribed = false;
    libvirt.before = (procedure) => {
      if (procedure === EVENT_REGISTER) isSubscribed = true;
      if (procedure !== DOMAIN_GET_STATE || !isSubscribed) return;
      libvirt.before = undefined;
      libvirt.restartWithoutDomains();
    };
    await machine.call((op) => handle.stop(op));
    expect(await machine.state()).toBe("stopped");
  });

  it("of the system refuses ports of the host, which nothing would listen on", async () => {
    await using machine = await bench(new ScriptedLibvirt());
    machine.respecify({ ports: [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }] });
    const handle = await machine.handle();
    const { result } = await machine.run((op) => handle.create(op));
    expect(result).toMatchObject({ ok: false, error: { code: "NOT_SUPPORTED" } });
  });

  it("of a session has its ports again after stop and start, and after it was saved", async () => {
    const libvirt = new ScriptedLibvirt("qemu:///session");
    await using machine = await bench(libvirt, { uri: "qemu:///session" });
    machine.respecify({ ports: [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }] });
    const handle = await machine.reach("running");
    const ports = () =>
      Promise.all([22, 2376, 80].map((port) => machine.call((op) => handle.endpoint(port, op), { readOnly: true })));
    const before = await ports();
    expect(before.at(-1)).toEqual({ host: "127.0.0.1", port: 8080 });
    await machine.call((op) => handle.stop(op));
    await machine.call((op) => handle.start(op));
    expect(await ports()).toEqual(before);
    await machine.call(async (op) => handle.hibernation?.save(op));
    await machine.call((op) => handle.start(op));
    expect(await ports()).toEqual(before);
  });
});

describe("a connection", () => {
  it("is one, however many calls open it at once, and none when the session is closed", async () => {
    await using host = await new ScriptedLibvirt().host();
    const session = new LibvirtSession(host, "qemu:///system");
    await Promise.all([1, 2, 3].map(() => session.use(never, (libvirt) => libvirt.versions(never))));
    const connections = () => host.inventory().filter((line) => line.startsWith("connection "));
    expect(connections()).toHaveLength(1);
    session.close();
    expect(connections()).toHaveLength(0);
  });
});

describe("the probe of KVM", () => {
  it("leaves no domain when it is aborted while its guest does not run", async () => {
    const libvirt = new ScriptedLibvirt();
    libvirt.lifeless = true;
    await using host = await libvirt.host(WITH_KVM);
    const connection = await Libvirt.connect(host, "qemu:///system", never);
    const controller = new AbortController();
    const reason = new Error("enough");
    const probing = findKvm(host, connection, { uri: "qemu:///system", arch: "amd64" }, controller.signal);
    probing.catch(() => {});
    while (libvirt.domains.size === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    await expect(probing).rejects.toBe(reason);
    connection.close();
    await until("the probe's domain is gone", () => libvirt.domains.size === 0);
  });

  it("finds a KVM useless that runs nothing while emulation does, tells why, and remembers it", async () => {
    const libvirt = new ScriptedLibvirt();
    libvirt.lifeless = true;
    await using machine = await bench(libvirt, {}, WITH_KVM);
    const emulated = {
      status: "ready",
      note: expect.stringContaining("no guest instruction ran"),
      facts: { virtualization: "qemu" },
    };
    expect(await machine.status(never)).toMatchObject(emulated);
    expect(libvirt.domains.size).toBe(0);
    libvirt.lifeless = false;
    expect(await machine.status(never)).toMatchObject(emulated);
  });

  it("refuses a machine that demands a KVM that is useless", async () => {
    const libvirt = new ScriptedLibvirt();
    libvirt.lifeless = true;
    await using machine = await bench(libvirt, { virtualization: "kvm" }, WITH_KVM);
    expect(await machine.status(never)).toMatchObject({
      status: "unhealthy",
      code: "kvm-unusable",
      fix: expect.stringContaining("--kvm2-virtualization"),
    });
  });

  it("believes in a KVM that is as slow as emulation, on a busy computer", async () => {
    const libvirt = new ScriptedLibvirt();
    libvirt.bootMs = 9000;
    await using machine = await bench(libvirt, {}, WITH_KVM);
    expect(await machine.status(never)).toMatchObject({ status: "ready", facts: { virtualization: "kvm" } });
    expect(libvirt.domains.size).toBe(0);
  });

  it.each([
    ["amd64", "qemu"],
    ["arm64", "auto"],
  ] as const)("is left out for an %s machine with virtualization %s", async (arch, virtualization) => {
    const libvirt = new ScriptedLibvirt();
    libvirt.before = (procedure) => expect(procedure).not.toBe(DOMAIN_CREATE_XML);
    await using machine = await bench(libvirt, { virtualization }, WITH_KVM);
    machine.respecify({ arch });
    expect(await machine.status(never)).toMatchObject({ status: "ready", facts: { virtualization: "qemu" } });
  });

  it("runs in a session, which takes no security label", async () => {
    await using host = await new ScriptedLibvirt("qemu:///session").host(WITH_KVM);
    const connection = await Libvirt.connect(host, "qemu:///session", never);
    expect(await findKvm(host, connection, { uri: "qemu:///session", arch: "amd64" }, never)).toEqual({
      works: true,
      reason: "",
    });
    connection.close();
  });
});
