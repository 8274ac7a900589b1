import { createServer } from "node:net";
import { createMk, createNodeHost, type Host, type ImageSource, type Mk, type StartRequest } from "@mk/core";
import { guestImages } from "@mk/guest";
import { hostInventory, inventoryDifference, live, temporaryDirectory, testHome, tinyImage, until } from "@mk/testing";
import { expect, test } from "vitest";
import qemu from "../src/index.js";

const suite = await live({ needs: ["qemu", "linux", "network"] });

/** Four boots under emulation, on a computer that does other things too. */
const LONG = { timeout: 900_000 };
const SMALL: StartRequest = { driver: "qemu", cpus: 2, memoryMiB: 1024, diskMiB: 4096 };

/** mk with a home of its own. */
async function openMk(
  prefix: string,
  images: ImageSource = guestImages({ home: testHome() }),
  env: Host["env"] = process.env,
): Promise<{ readonly mk: Mk } & AsyncDisposable> {
  const directory = await temporaryDirectory(prefix);
  const home = directory.join("home");
  const mk = createMk({ home, drivers: [qemu], images, host: createNodeHost({ home, env }) });
  return {
    mk,
    async [Symbol.asyncDispose]() {
      for (const { name } of await mk.list()) await (await mk.machine(name)).delete();
      await mk[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The pid of a machine's QEMU, from its command line. */
async function pidOf(id: string): Promise<number> {
  const line = (await hostInventory({ mentions: [id] })).find((each) => /^process \d+ .*qemu-system/.test(each));
  if (line === undefined) throw new Error(`no QEMU of ${id} runs`);
  return Number(line.split(" ")[1]);
}

suite("a real guest in QEMU", () => {
  test(
    "runs Docker, which knows the host's proxy, beside another one, keeps its data over stop, start and a killed QEMU, takes another port than one that is taken, and leaves nothing when it is deleted",
    LONG,
    async () => {
      // The name of the home is what a hostile user would choose.
      const env = { ...process.env, HTTPS_PROXY: "http://proxy.example:3128" };
      await using opened = await openMk("mk q'\"<>&,;$ü-", undefined, env);
      const { mk } = opened;
      const before = await hostInventory({ mentions: [mk.home] });
      const [one, two] = await Promise.all([mk.start({ ...SMALL, name: "one" }), mk.start({ ...SMALL, name: "two" })]);
      const { spec } = await one.info();
      const there = await two.endpoint(22);
      const hostnames = () =>
        Promise.all([one, two].map(async (each) => (await each.exec(["hostname"])).stdout.trim()));

      expect(await one.status()).toEqual({ state: "running" });
      expect(await hostnames()).toEqual(["one", "two"]);
      expect((await one.exec(["uname", "-m"], { check: true })).stdout.trim()).toBe("x86_64");
      expect((await one.exec(["docker", "version", "--format", "{{.Server.Os}}"], { check: true })).stdout).toMatch(
        /linux/,
      );
      expect((await one.exec(["docker", "info", "--format", "{{.HTTPSProxy}}"], { check: true })).stdout).toBe(
        "http://proxy.example:3128\n",
      );
      const listening = (await hostInventory({ mentions: [spec.id] })).filter((line) => line.startsWith("socket tcp"));
      expect(listening.length).toBeGreaterThanOrEqual(2);
      for (const line of listening) expect(line).toMatch(/^socket tcp 127\.0\.0\.1:/);

      await one.script("echo kept | sudo tee /data/proof && sync", { check: true });
      const first = await one.endpoint(22);
      expect(first).not.toEqual(there);
      await one.stop();
      expect(await one.status()).toEqual({ state: "stopped" });
      {
        await using server = createServer().listen(first.port, first.host);
        await until("the port is taken", () => server.listening);
        await one.start();
      }
      const second = await one.endpoint(22);
      expect([first.port, there.port]).not.toContain(second.port);
      expect((await one.exec(["cat", "/data/proof"], { check: true })).stdout).toBe("kept\n");

      process.kill(await pidOf(spec.id), "SIGKILL");
      await until("the machine is stopped", async () => (await one.status()).state === "stopped");
      await one.start();
      expect(await one.endpoint(22)).toEqual(second);
      expect((await one.exec(["cat", "/data/proof"], { check: true })).stdout).toBe("kept\n");
      expect(await two.endpoint(22)).toEqual(there);
      expect(await hostnames()).toEqual(["one", "two"]);

      await Promise.all([one.delete(), two.delete()]);
      expect(inventoryDifference(before, await hostInventory({ mentions: [mk.home] }))).toEqual({
        added: [],
        removed: [],
      });
    },
  );

  test("is unknown while QEMU is stopped, and off only by a forced stop", LONG, async () => {
    await using guest = await temporaryDirectory("mk-tiny-");
    const image = await tinyImage(guest.path, "amd64");
    await using opened = await openMk("mk-frozen-", { find: async () => image, ensure: async () => image });
    const { mk } = opened;
    const machine = await mk.start({ ...SMALL, cpus: 1, memoryMiB: 64, name: "frozen" });
    const { spec } = await machine.info();
    process.kill(await pidOf(spec.id), "SIGSTOP");
    expect(await machine.status()).toMatchObject({
      state: "unknown",
      reason: expect.stringContaining("not responding"),
    });
    await expect(machine.stop()).rejects.toMatchObject({ code: "MACHINE_UNRESPONSIVE" });
    await machine.stop({ force: true });
    expect(await machine.status()).toEqual({ state: "stopped" });
  });
});

const privileged = await live({ needs: ["qemu", "linux", "network", "root", "program:mount"] });

privileged("a real guest whose host runs out of space", () => {
  test("is paused with the reason, and goes on where it was once there is space", LONG, async () => {
    await using directory = await temporaryDirectory("mk-full-");
    const host = createNodeHost();
    const mounted = directory.join("mounted");
    await host.files.makeDirectory(mounted);
    await host.run("mount", ["-t", "tmpfs", "-o", "size=80m,mode=0700", "mk-full", mounted]);
    try {
      const mk = createMk({ home: mounted, drivers: [qemu], images: guestImages({ home: testHome() }) });
      const machine = await mk.start({ ...SMALL, name: "full" });
      const write = "sudo dd if=/dev/zero of=/data/big bs=1M count=120 conv=fsync && echo written";
      const written = machine.script(write, { check: true, timeoutMs: 600_000 });
      const paused = await until(
        "the machine is paused",
        async () => {
          const status = await machine.status();
          return status.state === "paused" && status;
        },
        AbortSignal.timeout(300_000),
      );
      expect(paused).toEqual({ state: "paused", reason: "the host's disk is full" });

      await host.run("mount", ["-o", "remount,size=600m", mounted]);
      await machine.resume();
      expect((await written).stdout).toBe("written\n");
      expect(await machine.status()).toEqual({ state: "running" });
      await machine.delete();
      await mk[Symbol.asyncDispose]();
    } finally {
      await host.run("umount", ["--lazy", mounted]);
    }
  });
});
