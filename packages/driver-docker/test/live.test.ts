import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { createMk, createNodeHost, type EventData, type MachineHandle, type Mk, type StartRequest } from "@mk/core";
import { inventoryDifference, live, type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import dockerDriver from "../src/index.js";
import { docker, dockerInventory } from "./docker.js";
import { testImage, testImages, tinyImage } from "./guest-image.js";
import { loopbackSsh } from "./loopback-ssh.js";

const suite = await live({ needs: ["docker", "linux", "sshd"] });

/** Machines as users make them: core, the real guest and a real engine. */
suite("machines on a real Docker Engine", () => {
  let directory: TemporaryDirectory;
  let mk: Mk;
  let events: EventData[];
  const made = new Set<string>();
  const clean: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    await testImage();
    directory = await temporaryDirectory("mk-docker-");
    events = [];
    mk = createMk({
      home: directory.join("mk"),
      drivers: [dockerDriver],
      images: testImages(),
      onEvent: ({ data }) => void events.push(data),
    });
  });
  afterEach(async () => {
    for (const name of made) await (await mk.machine(name)).delete().catch(() => undefined);
    made.clear();
    for (const undo of clean.splice(0).reverse()) await undo();
    await mk[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const newName = (): string => `live-${randomUUID().slice(0, 8)}`;
  const start = (name: string, request: Partial<StartRequest> = {}): Promise<MachineHandle> => {
    made.add(name);
    return mk.start({ name, driver: "docker", cpus: 1, memoryMiB: 768, ...request });
  };
  const forget = (name: string): void => void made.delete(name);
  /** Standard output of a program in the machine that must succeed. */
  const run = async (machine: MachineHandle, ...argv: readonly string[]): Promise<string> =>
    (await machine.exec(argv, { check: true })).stdout.trim();
  /** Gives the inner engine an image without a registry: the machine's own busybox. */
  const importInner = async (machine: MachineHandle): Promise<void> => {
    const script =
      "tar -C / -c bin usr/bin/busybox usr/bin/sh usr/bin/cat usr/bin/nproc | docker import - inner:1 >/dev/null";
    const { exitCode, stderr } = await machine.script(script);
    expect(exitCode, stderr).toBe(0);
  };

  test("lives a whole life: data, address and ports survive stop and kill, and delete leaves nothing", async () => {
    const before = await dockerInventory();
    const name = newName();
    const machine = await start(name);
    // Said to the user where it is so, and then only.
    const isPrivileged = (await docker("inspect", "--format", "{{.HostConfig.Privileged}}", `mk-${name}`)) === "true";
    const refused = expect.objectContaining({ type: "note", message: expect.stringContaining("refuses --privileged") });
    expect(events).toEqual(isPrivileged ? expect.not.arrayContaining([refused]) : expect.arrayContaining([refused]));
    expect(
      await dockerDriver.status(createNodeHost({ home: directory.join("mk") }), AbortSignal.timeout(20_000)),
    ).toEqual(
      expect.objectContaining({
        facts: expect.objectContaining({ privileges: isPrivileged ? "privileged" : "capabilities" }),
      }),
    );
    expect(await run(machine, "hostname")).toBe(name);
    expect(await run(machine, "docker", "version", "--format", "{{.Server.Os}}")).toBe("linux");
    await importInner(machine);
    expect(await run(machine, "docker", "run", "--rm", "inner:1", "cat", "/proc/1/comm")).toBe("cat");
    expect((await machine.script("echo kept > /home/mk/file && docker volume create inner >/dev/null")).exitCode).toBe(
      0,
    );
    const where = async () => [await machine.access(), await machine.endpoint(2376), await machine.address()];
    const there = await where();

    await machine.stop();
    expect(await machine.status()).toEqual({ state: "stopped" });
    await machine.start();
    expect(await where()).toEqual(there);
    expect(await run(machine, "cat", "/home/mk/file")).toBe("kept");
    expect(await run(machine, "docker", "volume", "ls", "--quiet")).toBe("inner");
    expect(await run(machine, "docker", "run", "--rm", "inner:1", "cat", "/proc/1/comm")).toBe("cat");

    await machine.stop({ force: true });
    expect(await machine.status()).toEqual({ state: "stopped" });
    await machine.start();
    expect(await where()).toEqual(there);
    expect(await run(machine, "cat", "/home/mk/file")).toBe("kept");

    await machine.delete();
    forget(name);
    expect(inventoryDifference(before, await dockerInventory())).toEqual({ added: [], removed: [] });
  });

  test("the guest's engine answers the host's docker by TLS on the published port, and nobody without a certificate", async () => {
    const machine = await start(newName());
    const { host, certPath } = await machine.docker();
    expect(host).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const authority = ["--tlsverify", `--tlscacert=${certPath}/ca.pem`];
    const client = [`--tlscert=${certPath}/cert.pem`, `--tlskey=${certPath}/key.pem`];
    const ask = (...flags: readonly string[]) =>
      docker("--host", host, ...flags, "version", "--format", "{{.Server.Os}}");
    expect(await ask(...authority, ...client)).toBe("linux");
    await expect(ask(...authority)).rejects.toThrow(/certificate/);
    await expect(ask()).rejects.toThrow(/HTTP request to an HTTPS server/);
  });

  test("lets containers inside ask the engine's resolver, after a restart too", async () => {
    const machine = await start(newName());
    await importInner(machine);
    const asked = () => run(machine, "docker", "run", "--rm", "inner:1", "cat", "/etc/resolv.conf");
    const resolver = `nameserver ${await machine.address()}`;
    expect((await asked()).split("\n")).toContain(resolver);
    await machine.stop();
    await machine.start();
    expect((await asked()).split("\n")).toContain(resolver);
  });

  test("works with a newer engine over TLS: the guest's own", async () => {
    const outer = await start(newName());
    const { host, certPath } = await outer.docker();
    const env = { ...process.env, DOCKER_HOST: host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certPath };
    const home = directory.join("inner");
    const inside = createNodeHost({ home, env });
    expect(await dockerDriver.status(inside, AbortSignal.timeout(20_000))).toMatchObject({ status: "ready" });
    const tiny = await tinyImage(await testImage(), directory.join("root.oci.tar"));
    await using inner = createMk({
      home,
      host: inside,
      drivers: [dockerDriver],
      images: { find: async () => tiny, ensure: async () => tiny },
    });
    const machine = await inner.start({ name: "inner", driver: "docker", cpus: 1, memoryMiB: 64 });
    await machine.stop();
    await machine.start();
    expect(await machine.status()).toEqual({ state: "running" });
    expect(await run(outer, "docker", "ps", "--format", "{{.Names}}")).toBe("mk-inner");
    await machine.delete();
    expect(await run(outer, "docker", "ps", "--all", "--quiet")).toBe("");
    expect(await run(outer, "docker", "volume", "ls", "--quiet")).toBe("");
  });

  test("makes machines in an engine that is reached over SSH, and leaves nothing", async () => {
    const before = await dockerInventory();
    await using ssh = await loopbackSsh();
    const env = { ...process.env, PATH: ssh.path, DOCKER_HOST: `ssh://${ssh.name}` };
    const home = directory.join("over-ssh");
    const inside = createNodeHost({ home, env });
    expect(await dockerDriver.status(inside, AbortSignal.timeout(20_000))).toMatchObject({ status: "ready" });
    await using remote = createMk({ home, host: inside, drivers: [dockerDriver], images: testImages() });
    const name = newName();
    const machine = await remote.start({ name, driver: "docker", cpus: 1, memoryMiB: 768 });
    expect(await run(machine, "hostname")).toBe(name);
    await machine.stop();
    await machine.start();
    expect(await machine.status()).toEqual({ state: "running" });
    await machine.delete();
    expect(inventoryDifference(before, await dockerInventory())).toEqual({ added: [], removed: [] });
  });

  test("gives a machine its CPUs and its memory, and no swap beside it", async () => {
    const name = newName();
    const machine = await start(name, { cpus: 1, memoryMiB: 640 });
    const bytes = 640 * 1024 * 1024;
    const format = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}";
    expect(await docker("inspect", "--format", format, `mk-${name}`)).toBe(`1000000000 ${bytes} ${bytes}`);
    const limits = await machine.script(
      "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; " +
        "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null",
    );
    const [memory, cpu = ""] = limits.stdout.trim().split("\n");
    expect(memory).toBe(String(bytes));
    expect(Number(cpu.split(" ")[0])).toBe(100_000);
  });

  test("listens on loopback alone", async () => {
    const name = newName();
    await start(name, { ports: [{ hostAddress: "127.0.0.1", hostPort: 0, guestPort: 8080 }] });
    const bindings = await docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", `mk-${name}`);
    const published = JSON.parse(bindings) as Record<string, { HostIp: string }[] | null>;
    expect(Object.keys(published).sort()).toEqual(["22/tcp", "2376/tcp", "8080/tcp"]);
    for (const list of Object.values(published)) expect(list?.map(({ HostIp }) => HostIp)).toEqual(["127.0.0.1"]);
  });

  test("runs two machines at once, beside objects that are not ours, and touches none of those", async () => {
    const [one, other] = [newName(), newName()];
    const foreign = `foreign-${randomUUID().slice(0, 8)}`;
    const image = await docker("images", "--quiet", "--filter", "label=dev.mk.image");
    await docker("volume", "create", foreign);
    clean.push(() => docker("volume", "rm", foreign));
    await docker("network", "create", foreign);
    clean.push(() => docker("network", "rm", foreign));
    await docker(
      "run",
      "--detach",
      "--name",
      foreign,
      "--network",
      foreign,
      "--label",
      "dev.mk.name=x",
      image.split("\n")[0] ?? "",
      "/usr/bin/busybox",
      "sleep",
      "3600",
    );
    clean.push(() => docker("rm", "--force", foreign));
    const before = await dockerInventory();
    const startedAt = await docker("inspect", "--format", "{{.State.StartedAt}}", foreign);

    const machines = await Promise.all([start(one), start(other)]);
    const [first, second] = await Promise.all(machines.map((machine) => machine.address()));
    expect(first).not.toBe(second);
    expect(await Promise.all(machines.map((machine) => run(machine, "hostname")))).toEqual([one, other]);
    await Promise.all(machines.map((machine) => machine.delete()));
    forget(one);
    forget(other);
    expect(inventoryDifference(before, await dockerInventory())).toEqual({ added: [], removed: [] });
    expect(await docker("inspect", "--format", "{{.State.StartedAt}}", foreign)).toBe(startedAt);
  });

  test("leaves alone what the user committed of it, and runs", async () => {
    const name = newName();
    const theirs = `committed-${randomUUID().slice(0, 8)}`;
    const machine = await start(name);
    await docker("commit", `mk-${name}`, theirs);
    clean.push(() => docker("rmi", theirs));
    await docker("run", "--detach", "--name", theirs, theirs, "/usr/bin/busybox", "sleep", "3600");
    clean.push(() => docker("rm", "--force", theirs));
    await machine.stop({ force: true });
    expect(await machine.status()).toEqual({ state: "stopped" });
    await machine.start();
    await machine.delete();
    forget(name);
    expect(await docker("inspect", "--format", "{{.State.Running}}", theirs)).toBe("true");
  });

  test("keeps its data when its container and network are removed behind its back", async () => {
    const name = newName();
    const machine = await start(name);
    expect((await machine.script("echo kept > /home/mk/file; sync")).exitCode).toBe(0);
    await docker("rm", "--force", "--volumes", `mk-${name}`);
    await docker("network", "rm", `mk-${name}`);
    expect(await machine.status()).toEqual({ state: "stopped" });
    await machine.start();
    expect(await run(machine, "cat", "/home/mk/file")).toBe("kept");
  });

  test("takes another port, and keeps its data, when its own is taken while it is stopped", async () => {
    const machine = await start(newName());
    expect((await machine.script("echo kept > /home/mk/file")).exitCode).toBe(0);
    const { port } = await machine.endpoint(22);
    await machine.stop();
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port, "127.0.0.1", resolve));
    clean.push(() => new Promise((resolve) => squatter.close(resolve)));
    await machine.start();
    expect((await machine.endpoint(22)).port).not.toBe(port);
    expect(await run(machine, "cat", "/home/mk/file")).toBe("kept");
    expect(events).toContainEqual(
      expect.objectContaining({ type: "note", message: expect.stringContaining("port of the machine was taken") }),
    );
  });

  test("refuses to start on a port that the user asked for and that is taken", async () => {
    const squatter = createServer();
    const hostPort = await new Promise<number>((resolve) =>
      squatter.listen(0, "127.0.0.1", () => resolve((squatter.address() as { port: number }).port)),
    );
    clean.push(() => new Promise((resolve) => squatter.close(resolve)));
    const name = newName();
    const before = await dockerInventory();
    const ports = [{ hostAddress: "127.0.0.1", hostPort, guestPort: 80 }];
    await expect(start(name, { ports })).rejects.toMatchObject({ code: "PORT_IN_USE", details: { port: hostPort } });
    await (await mk.machine(name)).delete().catch(() => undefined);
    forget(name);
    expect(inventoryDifference(before, await dockerInventory())).toEqual({ added: [], removed: [] });
  });

  test.each([
    ["container", "MACHINE_EXISTS"],
    ["network", "NETWORK_CONFLICT"],
    ["volume", "MACHINE_EXISTS"],
  ] as const)("leaves a foreign %s of its name untouched", async (kind, code) => {
    const name = newName();
    const object = `mk-${name}`;
    const image = (await docker("images", "--quiet", "--filter", "label=dev.mk.image")).split("\n")[0] ?? "";
    if (kind === "container") await docker("create", "--name", object, image, "/bin/true");
    else await docker(kind, "create", object);
    clean.push(() => docker(kind, "rm", object));
    const before = await dockerInventory();
    await expect(start(name)).rejects.toMatchObject({ code });
    forget(name);
    expect(inventoryDifference(before, await dockerInventory())).toEqual({ added: [], removed: [] });
  });

  test("goes on after a pause where it was", async () => {
    const machine = await start(newName());
    await machine.pause();
    expect(await machine.status()).toEqual({ state: "paused" });
    await machine.resume();
    expect(await run(machine, "echo", "here")).toBe("here");
  });
});
