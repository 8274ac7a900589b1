import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { createMk, createNodeHost, type MachineHandle, type Mk, type StartRequest } from "@mk/core";
import { guestImages } from "@mk/guest";
import { hostInventory, inventoryDifference, live, temporaryDirectory, testHome } from "@mk/testing";
import { expect, test } from "vitest";
import { bridgeName } from "../src/config.js";
import kvm2 from "../src/index.js";
import { Libvirt } from "../src/libvirt.js";
import { startProbe } from "../src/virtualization.js";

const suite = await live({ needs: ["libvirt", "linux", "network", "program:docker"] });
const SMALL: StartRequest = { driver: "kvm2", cpus: 2, memoryMiB: 1024, diskMiB: 4096 };

/** Four boots under emulation, on a computer that does other things too. */
const LONG = { timeout: 900_000 };

const run = promisify(execFile);
const virsh = async (...args: string[]): Promise<string> =>
  (await run("virsh", ["-c", "qemu:///system", ...args])).stdout.trim();

/** What the docker command of this computer is told by the machine's engine, whose certificate it checks. */
async function engineVersion(machine: MachineHandle): Promise<string> {
  const { host, certPath } = await machine.docker();
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certPath };
  return (await run("docker", ["version", "--format", "{{.Server.Os}}"], { env })).stdout.trim();
}

/** mk with a home of its own, whose name is what a hostile user would choose. */
async function openMk(): Promise<{ readonly mk: Mk } & AsyncDisposable> {
  const directory = await temporaryDirectory("mk l'\"<>&,;$ü-");
  const mk = createMk({ home: directory.join("home"), drivers: [kvm2], images: guestImages({ home: testHome() }) });
  return {
    mk,
    async [Symbol.asyncDispose]() {
      for (const { name } of await mk.list()) await (await mk.machine(name)).delete();
      await mk[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function networkOfOthers(name: string): string {
  const dhcp = "<dhcp><range start='192.168.201.50' end='192.168.201.99'/></dhcp>";
  return `<network><name>${name}</name><forward mode='nat'/><bridge stp='off' delay='0'/><ip address='192.168.201.1' prefix='24'>${dhcp}</ip></network>`;
}

/** Something that another tool defined, until it is disposed. */
async function define(kind: "dom" | "net-", xml: string): Promise<{ readonly uuid: string } & AsyncDisposable> {
  await using directory = await temporaryDirectory();
  const file = directory.join("definition.xml");
  await writeFile(file, xml);
  const name = /<name>(.*)<\/name>/.exec(xml)?.[1] ?? "";
  const verb = kind === "dom" ? "" : kind;
  await virsh(`${verb}define`, file);
  const uuid = await virsh(`${kind}uuid`, name);
  return {
    uuid,
    async [Symbol.asyncDispose]() {
      if (kind === "net-") await virsh("net-destroy", name).catch(() => undefined);
      await virsh(`${verb}undefine`, name);
    },
  };
}

suite("a real domain of libvirt", () => {
  test(
    "runs Docker beside another one on a network of the user's, keeps its data and its address over stop, start and a destroyed domain, and leaves nothing when it is deleted",
    LONG,
    async () => {
      await using opened = await openMk();
      const { mk } = opened;
      await using foreign = await define("net-", networkOfOthers("users-own"));
      const mentions = [mk.home, "mk-kvm-life", "mk-kvm-two"];
      const before = await hostInventory({ mentions });
      const [machine, two] = await Promise.all([
        mk.start({ ...SMALL, name: "kvm-life" }),
        mk.start({ ...SMALL, name: "kvm-two", options: { network: "users-own" } }),
      ]);
      const { spec } = await machine.info();
      const bridge = bridgeName(spec.id);
      expect(await readdir("/sys/class/net")).toContain(bridge);

      expect(await machine.status()).toEqual({ state: "running" });
      expect(await virsh("domuuid", "mk-kvm-life")).toBe(spec.id);
      expect(await virsh("dumpxml", "--inactive", "mk-kvm-life")).toContain("<domain type='qemu'");
      expect((await machine.exec(["docker", "version", "--format", "{{.Server.Os}}"], { check: true })).stdout).toMatch(
        /linux/,
      );
      await machine.script("echo kept | sudo tee /data/proof && sync", { check: true });
      const address = await machine.address();

      expect(await two.address()).toMatch(/^192\.168\.201\./);
      expect(address).not.toMatch(/^192\.168\.201\./);
      expect(await Promise.all([machine, two].map(engineVersion))).toEqual(["linux", "linux"]);
      expect((await machine.exec(["hostname"])).stdout.trim()).toBe("kvm-life");
      expect((await two.exec(["hostname"])).stdout.trim()).toBe("kvm-two");
      await two.delete();
      expect(await virsh("net-info", "users-own")).toMatch(/Active: +yes/);
      expect(await virsh("net-uuid", "users-own")).toBe(foreign.uuid);
      expect((await machine.exec(["hostname"])).stdout.trim()).toBe("kvm-life");

      await machine.stop();
      expect(await machine.status()).toEqual({ state: "stopped" });
      await machine.start();
      expect(await machine.address()).toBe(address);
      expect((await machine.exec(["cat", "/data/proof"], { check: true })).stdout).toBe("kept\n");

      await machine.pause();
      expect(await machine.status()).toEqual({ state: "paused" });
      await machine.resume();
      await virsh("destroy", "mk-kvm-life");
      expect(await machine.status()).toEqual({ state: "stopped" });
      await machine.start();
      expect((await machine.exec(["cat", "/data/proof"], { check: true })).stdout).toBe("kept\n");

      await virsh("managedsave", "mk-kvm-life");
      expect(await machine.status()).toEqual({ state: "saved" });
      await machine.start();
      expect(await machine.address()).toBe(address);
      expect((await machine.exec(["cat", "/data/proof"], { check: true })).stdout).toBe("kept\n");

      await machine.pause();
      await machine.delete();
      expect(await readdir("/sys/class/net")).not.toContain(bridge);
      expect(inventoryDifference(before, await hostInventory({ mentions }))).toEqual({ added: [], removed: [] });
    },
  );

  test("leaves a domain of its name alone that is not mk's", async () => {
    await using opened = await openMk();
    const { mk } = opened;
    await using foreign = await define(
      "dom",
      "<domain type='qemu'><name>mk-kvm-foreign</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os></domain>",
    );
    await expect(mk.start({ ...SMALL, name: "kvm-foreign" })).rejects.toMatchObject({ code: "MACHINE_EXISTS" });
    expect(await virsh("domuuid", "mk-kvm-foreign")).toBe(foreign.uuid);
    expect(await virsh("net-list", "--all", "--name")).not.toContain("mk-kvm-foreign");
    expect(await mk.list()).toEqual([]);
  });

  test("leaves a network of its name alone that is not mk's", async () => {
    await using opened = await openMk();
    const { mk } = opened;
    await using foreign = await define("net-", networkOfOthers("mk-kvm-foreign"));
    await expect(mk.start({ ...SMALL, name: "kvm-foreign" })).rejects.toMatchObject({ code: "NETWORK_CONFLICT" });
    expect(await virsh("net-uuid", "mk-kvm-foreign")).toBe(foreign.uuid);
    expect(await virsh("list", "--all", "--name")).not.toContain("mk-kvm-foreign");
    expect(await mk.list()).toEqual([]);
  });

  test("finds KVM by a guest that runs, which emulation shows on any computer", async () => {
    await using directory = await temporaryDirectory();
    const host = createNodeHost({ home: directory.path });
    const signal = AbortSignal.timeout(60_000);
    const libvirt = await Libvirt.connect(host, "qemu:///system", signal);
    const probe = await startProbe(host, libvirt, { type: "qemu", uri: "qemu:///system" }, signal);
    const ran = await probe.ran(50_000);
    await probe.end();
    libvirt.close();
    expect(ran).toBe(true);
  });
});
