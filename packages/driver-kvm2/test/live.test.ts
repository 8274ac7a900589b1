import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { createMk, type Mk, type StartRequest } from "@mk/core";
import { guestImages } from "@mk/guest";
import { hostInventory, inventoryDifference, live, temporaryDirectory, testHome } from "@mk/testing";
import { expect, test } from "vitest";
import kvm2 from "../src/index.js";

const suite = await live({ needs: ["libvirt", "linux", "network"] });
const SMALL: StartRequest = { driver: "kvm2", cpus: 2, memoryMiB: 1024, diskMiB: 4096 };

const run = promisify(execFile);
const virsh = async (...args: string[]): Promise<string> =>
  (await run("virsh", ["-c", "qemu:///system", ...args])).stdout.trim();

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

suite("a real domain of libvirt", () => {
  test("runs Docker, keeps its data and its address over stop, start and a destroyed domain, and leaves nothing when it is deleted", async () => {
    await using opened = await openMk();
    const { mk } = opened;
    const mentions = [mk.home, "mk-kvm-life"];
    const before = await hostInventory({ mentions });
    const machine = await mk.start({ ...SMALL, name: "kvm-life" });
    const { spec } = await machine.info();

    expect(await machine.status()).toEqual({ state: "running" });
    expect(await virsh("domuuid", "mk-kvm-life")).toBe(spec.id);
    // libvirt's own schema, where its validator is installed with it.
    expect(await virsh("dumpxml", "--inactive", "mk-kvm-life")).toContain("<domain type='qemu'");
    expect((await machine.exec(["docker", "version", "--format", "{{.Server.Os}}"], { check: true })).stdout).toMatch(
      /linux/,
    );
    await machine.script("echo kept | sudo tee /data/proof && sync", { check: true });

    const address = await machine.address();
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

    await machine.pause();
    await machine.delete();
    expect(inventoryDifference(before, await hostInventory({ mentions }))).toEqual({ added: [], removed: [] });
  });

  test("runs beside another one, on another subnet", async () => {
    await using opened = await openMk();
    const { mk } = opened;
    const [one, two] = await Promise.all(["kvm-one", "kvm-two"].map((name) => mk.start({ ...SMALL, name })));
    expect(await one?.address()).not.toBe(await two?.address());
    for (const [machine, name] of [
      [one, "kvm-one"],
      [two, "kvm-two"],
    ] as const) {
      expect((await machine?.exec(["hostname"]))?.stdout.trim()).toBe(name);
    }
  });

  test("leaves a domain and a network of its name alone that are not mk's", async () => {
    await using opened = await openMk();
    const { mk } = opened;
    await using directory = await temporaryDirectory();
    const xml = directory.join("foreign.xml");
    await writeFile(
      xml,
      "<domain type='qemu'><name>mk-kvm-foreign</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os></domain>",
    );
    await virsh("define", xml);
    try {
      const uuid = await virsh("domuuid", "mk-kvm-foreign");
      await expect(mk.start({ ...SMALL, name: "kvm-foreign" })).rejects.toMatchObject({ code: "MACHINE_EXISTS" });
      expect(await virsh("domuuid", "mk-kvm-foreign")).toBe(uuid);
      expect(await virsh("net-list", "--all", "--name")).not.toContain("mk-kvm-foreign");
      expect(await mk.list()).toEqual([]);
    } finally {
      await virsh("undefine", "mk-kvm-foreign");
    }
  });
});
