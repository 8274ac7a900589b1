import type { Program } from "@mk/conformance";
import type { GuestArch, Operation } from "@mk/core";
import { describe, expect, test } from "vitest";
import dockerDriver from "../src/index.js";
import { dockerHost, SOCKET } from "./docker-host.js";
import { scriptedMachine } from "./scripted-machine.js";

/** The machine's container as the engine holds it. */
const only = (engine: Awaited<ReturnType<typeof scriptedMachine>>["engine"]) => {
  const containers = [...engine.containers.values()];
  expect(containers.map(({ name }) => name)).toEqual(["mk-m"]);
  return containers[0] ?? expect.fail("no container");
};

describe("privileges", () => {
  test("are all of them where the engine grants them, found by one trial that leaves nothing", async () => {
    const { machine, op, engine, logged } = await scriptedMachine();
    await machine.create(op);
    expect(only(engine).request.HostConfig.Privileged).toBe(true);
    expect(logged).toEqual([]);
  });

  test.each([[["SYS_RESOURCE"]], [["SYS_RESOURCE", "SYS_TIME", "MAC_ADMIN"]], [["WAKE_ALARM"]]])(
    "are every capability but %j where the engine withholds those, and mk says so",
    async (withheld) => {
      const { machine, op, engine, logged } = await scriptedMachine();
      for (const name of withheld) engine.withheld.add(name);
      await machine.create(op);
      const { Privileged, CapAdd = [] } = only(engine).request.HostConfig;
      expect(Privileged).toBeUndefined();
      for (const name of withheld) expect(CapAdd).not.toContain(name);
      expect(CapAdd).toContain("SYS_ADMIN");
      expect(CapAdd).toContain("NET_ADMIN");
      expect(logged).toContainEqual({
        message: expect.stringContaining("refuses --privileged"),
        fields: { withheld: expect.arrayContaining(withheld) },
      });
      await machine.start(op);
      expect(await machine.inspect(op)).toEqual({ state: "running" });
    },
  );

  test("lose no more than was withheld, however many that are", async () => {
    const { machine, op, engine } = await scriptedMachine();
    const withheld = ["AUDIT_CONTROL", "IPC_LOCK", "SYS_RESOURCE", "SYS_TTY_CONFIG"];
    for (const name of withheld) engine.withheld.add(name);
    await machine.create(op);
    const CapAdd = only(engine).request.HostConfig.CapAdd ?? [];
    expect(CapAdd.length).toBe(41 - withheld.length - engine.unknownCapabilities.size);
  });

  test("are tried once for all machines of an engine", async () => {
    const on = dockerHost();
    on.engine.withheld.add("SYS_RESOURCE");
    const first = await scriptedMachine({ on });
    await first.machine.create(first.op);
    const before = on.engine.requests.length;
    const second = await scriptedMachine({ on, spec: { name: "n", id: "7b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d22" } });
    await second.machine.create(second.op);
    expect(on.engine.requests.slice(before).filter((request) => request.endsWith("/start"))).toEqual([]);
  });

  test("are searched again when a start is refused that was granted before", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    engine.withheld.add("SYS_RESOURCE");
    await machine.start(op);
    expect(await machine.inspect(op)).toEqual({ state: "running" });
    expect(only(engine).request.HostConfig.Privileged).toBeUndefined();
  });

  test("are tried by containers that an aborted start does not leave behind", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    engine.withheld.add("SYS_RESOURCE");
    const undos: ((op: Operation) => Promise<void>)[] = [];
    const reason = new Error("the deadline");
    const controller = new AbortController();
    engine.misbehave = () => {
      const isTried = [...engine.containers.values()].some(
        ({ request }) => request.Labels?.["dev.mk.role"] === "trial",
      );
      if (isTried) controller.abort(reason);
      return undefined;
    };
    const start = machine.start({ ...op, signal: controller.signal, undo: (cleanup) => void undos.unshift(cleanup) });
    await expect(start).rejects.toBe(reason);
    engine.misbehave = () => undefined;
    for (const undo of undos) await undo(op);
    expect(only(engine).state).not.toBe("running");
  });

  test("that are too few for an engine inside are an error that says so", async () => {
    const { machine, op, engine } = await scriptedMachine();
    engine.withheld.add("SYS_ADMIN");
    await expect(machine.create(op)).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      message: expect.stringContaining("SYS_ADMIN"),
    });
  });

  test("are what the user asks for, or an error", async () => {
    const list = await scriptedMachine({ options: { privileges: "capabilities" } });
    await list.machine.create(list.op);
    expect(only(list.engine).request.HostConfig.CapAdd).toContain("SYS_RESOURCE");
    const all = await scriptedMachine({ options: { privileges: "privileged" } });
    all.engine.withheld.add("SYS_RESOURCE");
    await expect(all.machine.create(all.op)).rejects.toMatchObject({ code: "DRIVER_UNAVAILABLE" });
  });
});

describe("ports", () => {
  test("are fixed numbers on loopback that no other machine has, running or stopped", async () => {
    const on = dockerHost();
    const first = await scriptedMachine({ on });
    await first.machine.create(first.op);
    const second = await scriptedMachine({ on, spec: { name: "n", id: "7b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d22" } });
    await second.machine.create(second.op);
    const ports = [...on.engine.containers.values()].flatMap(({ request }) =>
      Object.values(request.HostConfig.PortBindings ?? {}).flat(),
    );
    expect(ports.every(({ HostIp }) => HostIp === "127.0.0.1")).toBe(true);
    expect(new Set(ports.map(({ HostPort }) => HostPort)).size).toBe(4);
    expect(ports.every(({ HostPort }) => Number(HostPort) > 0)).toBe(true);
  });

  test.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::", "::1"],
    ["192.0.2.7", "192.0.2.7"],
  ])("published on %s are reached at %s", async (listenAddress, host) => {
    const { machine, op } = await scriptedMachine({ options: { listenAddress } });
    await machine.create(op);
    await machine.start(op);
    expect(await machine.access(op)).toMatchObject({ host });
  });

  test("stay when other settings change", async () => {
    const { machine, op, engine, again } = await scriptedMachine();
    await machine.create(op);
    const before = only(engine);
    await (await again({ memoryMiB: 2048 })).start(op);
    const after = only(engine);
    expect(after.id).not.toBe(before.id);
    expect(after.request.HostConfig.PortBindings).toEqual(before.request.HostConfig.PortBindings);
    expect(after.request.HostConfig.Memory).toBe(2048 * 1024 * 1024);
  });

  test("move when another program has taken them, each by itself, and mk says which", async () => {
    const { machine, op, engine, logged } = await scriptedMachine();
    await machine.create(op);
    const bindings = Object.values(only(engine).request.HostConfig.PortBindings ?? {}).flat();
    for (const { HostPort } of bindings) engine.takenPorts.add(Number(HostPort));
    await machine.start(op);
    expect(await machine.inspect(op)).toEqual({ state: "running" });
    expect(logged.map(({ message }) => message)).toEqual(
      Array(2).fill("a port of the machine was taken: another one is published"),
    );
  });

  test("that the user named are never moved", async () => {
    const ports = [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }];
    const { machine, op, engine } = await scriptedMachine({ spec: { ports } });
    await machine.create(op);
    engine.takenPorts.add(8080);
    await expect(machine.start(op)).rejects.toMatchObject({ code: "PORT_IN_USE", details: { port: 8080 } });
    expect(await machine.inspect(op)).toEqual({ state: "stopped" });
  });
});

describe("the guest image", () => {
  const images = (engine: Awaited<ReturnType<typeof scriptedMachine>>["engine"]) =>
    [...engine.images.values()].map(({ tag }) => tag);
  const addImage = (on: ReturnType<typeof dockerHost>, tag: string, ageHours: number, more = {}) => {
    const created = on.host.now() / 1000 - ageHours * 3600;
    on.engine.images.set(tag, { id: tag, tag, labels: { "dev.mk.image": `sha256:${tag}`, ...more }, created });
  };

  test("is imported once for all machines of an engine, at once as well", async () => {
    const on = dockerHost();
    const first = await scriptedMachine({ on });
    const second = await scriptedMachine({ on, spec: { name: "n", id: "7b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d22" } });
    await Promise.all([first.machine.create(first.op), second.machine.create(second.op)]);
    expect(on.engine.requests.filter((request) => request === "POST /images/create")).toHaveLength(1);
  });

  test("is not waited for longer than the operation lasts when another machine imports it", async () => {
    const on = dockerHost();
    on.engine.late = new Promise(() => undefined);
    const reason = new Error("the deadline");
    const controller = new AbortController();
    on.engine.misbehave = (_method, path) => (path === "/images/create" ? "late" : undefined);
    const first = await scriptedMachine({ on });
    const second = await scriptedMachine({ on, spec: { name: "n", id: "7b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d22" } });
    const end = new AbortController();
    const importing = first.machine.create({ ...first.op, signal: end.signal });
    importing.catch(() => undefined);
    const waiting = second.machine.create({
      ...second.op,
      signal: controller.signal,
      step: async (id, _title, work) => {
        if (id === "import") setImmediate(() => controller.abort(reason));
        return work(() => undefined);
      },
    });
    await expect(waiting).rejects.toBe(reason);
    end.abort(reason);
    await expect(importing).rejects.toBe(reason);
  });

  test("replaces older ones that no container uses, that are not the user's too, and that nobody has just imported", async () => {
    const on = dockerHost();
    addImage(on, "mk-guest:unused", 48);
    addImage(on, "mk-guest:used", 48);
    addImage(on, "mk-guest:fresh", 0.1);
    addImage(on, "their/name:1", 48);
    addImage(on, "<none>:<none>", 48, { "dev.mk.machine": "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21" });
    on.engine.addContainer("theirs", { Image: "mk-guest:used", HostConfig: {} });
    const { machine, op } = await scriptedMachine({ on });
    await machine.create(op);
    expect(images(on.engine)).toEqual([
      "mk-guest:used",
      "mk-guest:fresh",
      "their/name:1",
      "<none>:<none>",
      `mk-guest:${"5e".repeat(6)}`,
    ]);
  });

  test("that the engine cannot take is an error with the engine's words", async () => {
    const { machine, op, host } = await scriptedMachine();
    await host.files.write("/root.oci.tar", "");
    await expect(machine.create(op)).rejects.toMatchObject({
      code: "DRIVER_FAILED",
      message: expect.stringContaining("unexpected EOF"),
    });
    await host.files.remove("/root.oci.tar");
    await expect(machine.create(op)).rejects.toMatchObject({ code: "IMAGE_ABSENT" });
  });
});

describe("what is not as it was left", () => {
  test("a removed container is made anew with its ports free to change, the data is the same", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    engine.containers.clear();
    engine.networks.delete("mk-m");
    expect(await machine.inspect(op)).toEqual({ state: "stopped" });
    await machine.start(op);
    expect(await machine.inspect(op)).toEqual({ state: "running" });
    expect([...engine.volumes.keys()]).toEqual(["mk-m"]);
  });

  test("a removed container does not hinder changed settings: the next start has them", async () => {
    const { machine, op, engine, again } = await scriptedMachine();
    await machine.create(op);
    engine.containers.clear();
    const changed = await again({ memoryMiB: 2048 });
    await changed.reconfigure?.(op);
    await changed.start(op);
    expect(only(engine).request.HostConfig.Memory).toBe(2048 * 1024 * 1024);
  });

  test("a removed volume makes the machine broken, and it can be removed", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    engine.volumes.clear();
    expect(await machine.inspect(op)).toEqual({ state: "broken", reason: expect.stringContaining("data volume") });
    await machine.remove(op);
    expect(engine.inventory()).toEqual(["network bridge"]);
  });

  test("a dead container is broken", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    only(engine).state = "dead";
    expect(await machine.inspect(op)).toMatchObject({ state: "broken" });
  });

  test("a replacement that was broken off leaves one machine, and the next start clears the rest", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    engine.addContainer("mk-m-next", only(engine).request);
    expect(await machine.inspect(op)).toEqual({ state: "stopped" });
    await machine.start(op);
    expect(await machine.inspect(op)).toEqual({ state: "running" });
    await machine.remove(op);
    expect(engine.inventory()).toEqual(["network bridge"]);
  });

  test("a replacement that was broken off before it got its name gets it at the next start", async () => {
    const { machine, op, engine, again } = await scriptedMachine();
    await machine.create(op);
    only(engine).name = "mk-m-next";
    await machine.start(op);
    expect(only(engine).state).toBe("running");
    await machine.kill(op);
    only(engine).name = "mk-m-next";
    await (await again({ memoryMiB: 2048 })).start(op);
    expect(only(engine).request.HostConfig.Memory).toBe(2048 * 1024 * 1024);
  });

  test("what the user committed of the machine, and runs, is theirs", async () => {
    const { machine, op, engine, again } = await scriptedMachine();
    await machine.create(op);
    await machine.start(op);
    const [image] = engine.images.values();
    const { Labels = {} } = only(engine).request;
    // Older than the guest image, as far as its time tells.
    engine.images.set("committed", { id: "committed", tag: "<none>:<none>", labels: Labels, created: -1 });
    const theirs = engine.addContainer("theirs", { Image: "committed", Labels, HostConfig: {} });
    engine.start(theirs);
    await machine.kill(op);
    expect(await machine.inspect(op)).toEqual({ state: "stopped" });
    await (await again({ memoryMiB: 2048 })).start(op);
    expect(engine.find("mk-m").request.Image).toBe(image?.id);
    await machine.remove(op);
    expect(engine.inventory()).toEqual(["container theirs", "network bridge"]);
    expect(theirs.state).toBe("running");
  });

  test("a volume that the user's container holds is left, and the error names that container", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    engine.addContainer("theirs", {
      Image: "x",
      HostConfig: { Mounts: [{ Type: "volume", Source: "mk-m" }] },
    });
    await expect(machine.remove(op)).rejects.toMatchObject({
      code: "DRIVER_FAILED",
      message: expect.stringContaining("theirs"),
      hint: expect.stringMatching(/^[A-Z]/),
    });
    expect([...engine.volumes.keys()]).toEqual(["mk-m"]);
  });

  test("a network to which the user attached a container is left, and the error names that container", async () => {
    const { machine, op, engine } = await scriptedMachine();
    await machine.create(op);
    await machine.start(op);
    const image = [...engine.images.keys()][0] ?? "";
    engine.start(engine.addContainer("theirs", { Image: image, HostConfig: { NetworkMode: "mk-m" } }));
    await expect(machine.remove(op)).rejects.toMatchObject({
      code: "NETWORK_CONFLICT",
      message: expect.stringContaining("theirs"),
    });
    expect(engine.find("theirs").state).toBe("running");
  });

  test("leftovers with our label are taken over by create, and foreign ones of the same name are not", async () => {
    const { machine, op, engine, spec } = await scriptedMachine();
    engine.volumes.set("mk-m", { name: "mk-m", labels: { "dev.mk.machine": spec.id } });
    await machine.create(op);
    expect(await machine.inspect(op)).toEqual({ state: "stopped" });
    for (const kind of ["containers", "networks", "volumes"] as const) {
      const foreign = await scriptedMachine();
      if (kind === "containers") foreign.engine.addContainer("mk-m", { Image: "x", HostConfig: {} });
      if (kind === "networks")
        foreign.engine.networks.set("mk-m", { id: "f", name: "mk-m", labels: {}, subnet: "10.9.0.0/24" });
      if (kind === "volumes") foreign.engine.volumes.set("mk-m", { name: "mk-m", labels: {} });
      const before = foreign.engine.inventory();
      const code = kind === "networks" ? "NETWORK_CONFLICT" : "MACHINE_EXISTS";
      await expect(foreign.machine.create(foreign.op)).rejects.toMatchObject({ code });
      await foreign.machine.remove(foreign.op);
      expect(foreign.engine.inventory()).toEqual(before);
    }
  });

  test("leftovers of another machine of mk's are not touched, and the error names all that is to be removed", async () => {
    const { machine, op, engine } = await scriptedMachine();
    engine.volumes.set("mk-m", { name: "mk-m", labels: { "dev.mk.machine": "another" } });
    const before = engine.inventory();
    await expect(machine.create(op)).rejects.toMatchObject({
      code: "MACHINE_EXISTS",
      hint: expect.stringMatching(/'docker rm --force mk-m', 'docker volume rm mk-m' and 'docker network rm mk-m'/),
      details: { volume: "mk-m", machine: "another" },
    });
    expect(engine.inventory()).toEqual(before);
  });
});

describe("the network", () => {
  test("is the first subnet free of the host's and the engine's", async () => {
    const on = dockerHost({ usedSubnets: ["192.168.130.0/24", "192.168.131.128/25"] });
    on.engine.networks.set("their", { id: "t", name: "their", labels: {}, subnet: "192.168.132.0/23" });
    const { machine, op } = await scriptedMachine({ on });
    await machine.create(op);
    expect(await machine.address?.(op)).toBe("192.168.134.2");
  });

  test("is the subnet that was asked for, or an error that names what is in its way", async () => {
    const wanted = { options: { subnet: "10.20.30.0/24" } };
    // A VPN that takes all traffic is in nobody's way.
    const free = await scriptedMachine({ ...wanted, on: dockerHost({ usedSubnets: ["0.0.0.0/1", "128.0.0.0/1"] }) });
    await free.machine.create(free.op);
    expect(await free.machine.address?.(free.op)).toBe("10.20.30.2");
    for (const network of [{ interfaceSubnets: ["10.0.0.0/8"] }, { usedSubnets: ["10.20.30.0/25"] }]) {
      const taken = await scriptedMachine({ ...wanted, on: dockerHost(network) });
      await expect(taken.machine.create(taken.op)).rejects.toMatchObject({
        code: "NETWORK_CONFLICT",
        message: expect.stringMatching(/10\.0\.0\.0\/8|10\.20\.30\.0\/25/),
      });
    }
  });

  test("is within a VPN's route where it was asked for, or nothing else is left, and the log says so", async () => {
    const vpn = { usedSubnets: ["192.168.0.0/16", "10.0.0.0/8"] };
    const asked = await scriptedMachine({ options: { subnet: "10.20.30.0/24" }, on: dockerHost(vpn) });
    await asked.machine.create(asked.op);
    expect(await asked.machine.address?.(asked.op)).toBe("10.20.30.2");
    const chosen = await scriptedMachine({ on: dockerHost(vpn) });
    await chosen.machine.create(chosen.op);
    expect(await chosen.machine.address?.(chosen.op)).toBe("192.168.130.2");
    for (const { logged } of [asked, chosen]) {
      expect(logged).toContainEqual({
        message: expect.stringContaining("route"),
        fields: { subnet: expect.any(String), route: expect.any(String) },
      });
    }
  });

  test("has the MTU that the administrator gave the default one", async () => {
    const { machine, op, engine } = await scriptedMachine();
    const bridge = engine.networks.get("bridge") ?? expect.fail("no bridge");
    const options = { "com.docker.network.driver.mtu": "1400" };
    engine.networks.set("bridge", { ...bridge, options: { ...options, "com.docker.network.bridge.name": "docker0" } });
    await machine.create(op);
    expect(engine.networks.get("mk-m")?.options).toEqual(options);
  });

  test("is an error when nothing is free", async () => {
    const on = dockerHost({ interfaceSubnets: ["192.168.0.0/16", "10.0.0.0/8"] });
    const { machine, op } = await scriptedMachine({ on });
    await expect(machine.create(op)).rejects.toMatchObject({ code: "NETWORK_CONFLICT" });
  });
});

describe("an engine elsewhere", () => {
  const remote = (name: string) => {
    const on = dockerHost({ env: { DOCKER_HOST: `tcp://${name}:2375`, HOME: "/home/user" } });
    on.host.network.listen({ host: name, port: 2375 }, (stream) => on.engine.accept(stream));
    return on;
  };

  test("publishes on all of its addresses, and is reached by its name", async () => {
    const { machine, op, engine, logged } = await scriptedMachine({ on: remote("engine.example") });
    await machine.create(op);
    await machine.start(op);
    const bindings = Object.values(only(engine).request.HostConfig.PortBindings ?? {}).flat();
    expect(bindings.map(({ HostIp }) => HostIp)).toEqual(["0.0.0.0", "0.0.0.0"]);
    expect(only(engine).archive).toContain("engine.example");
    expect(await machine.access(op)).toMatchObject({ host: "engine.example", port: Number(bindings[0]?.HostPort) });
    expect(logged).toContainEqual(expect.objectContaining({ message: expect.stringContaining("remote") }));
    await expect(machine.endpoint(8080, op)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("that does not answer is stopped, whatever is installed here", async () => {
    const on = dockerHost({ env: { DOCKER_HOST: "tcp://engine.example:2375", HOME: "/home/user" }, files: {} });
    await on.host.files.remove("/usr/bin/docker");
    expect(await dockerDriver.status(on.host, AbortSignal.timeout(10_000))).toMatchObject({
      status: "stopped",
      reason: expect.stringContaining("engine.example"),
      fix: expect.stringContaining("engine.example"),
    });
  });

  test("is reached by ssh with the user's own settings, and its ports at the host that ssh goes to", async () => {
    const programs: Record<string, Program> = { ssh: (process) => process.print("hostname box.lan\n") };
    const on = dockerHost({ env: { DOCKER_HOST: "ssh://me@box", HOME: "/home/user", PATH: "/usr/bin" }, programs });
    const argv = ["ssh", "-T", "-l", "me", "--", "box", "docker", "system", "dial-stdio"] as const;
    on.host.network.listen({ argv }, (stream) => on.engine.accept(stream));
    const { machine, op } = await scriptedMachine({ on });
    await machine.create(op);
    await machine.start(op);
    const bindings = Object.values(only(on.engine).request.HostConfig.PortBindings ?? {}).flat();
    expect(bindings.map(({ HostIp }) => HostIp)).toEqual(["0.0.0.0", "0.0.0.0"]);
    expect(await machine.access(op)).toMatchObject({ host: "box.lan", port: Number(bindings[0]?.HostPort) });
    expect(await dockerDriver.status(on.host, AbortSignal.timeout(10_000))).toMatchObject({
      status: "ready",
      note: expect.stringContaining("box.lan"),
    });
    await machine.remove(op);
    expect(on.engine.inventory()).toEqual(["network bridge"]);
  });

  test("on loopback is here", async () => {
    const { machine, op, engine } = await scriptedMachine({ on: remote("127.0.0.1") });
    await machine.create(op);
    const bindings = Object.values(only(engine).request.HostConfig.PortBindings ?? {}).flat();
    expect(bindings.map(({ HostIp }) => HostIp)).toEqual(["127.0.0.1", "127.0.0.1"]);
  });

  test("stays the machine's when DOCKER_HOST says otherwise later", async () => {
    const on = dockerHost({ env: { HOME: "/home/user" } });
    const { machine, op, again } = await scriptedMachine({ on });
    await machine.create(op);
    (on.host.env as Record<string, string>).DOCKER_HOST = "tcp://127.0.0.1:1";
    expect(await (await again()).inspect(op)).toEqual({ state: "stopped" });
  });

  test("is not the machine's that mk env speaks of, and mk says so", async () => {
    const active = "tcp://127.0.0.1:40000";
    const on = dockerHost({ env: { DOCKER_HOST: active, MK_ACTIVE_DOCKER_HOST: active, HOME: "/home/user" } });
    const { machine, op, logged } = await scriptedMachine({ on });
    await machine.create(op);
    expect(only(on.engine).name).toBe("mk-m");
    expect(logged).toContainEqual({
      message: expect.stringContaining("DOCKER_HOST is that of mk env"),
      fields: { engine: `unix://${SOCKET}` },
    });
  });

  test("of another architecture is refused before anything is made", async () => {
    const { machine, op, engine } = await scriptedMachine();
    engine.info = { Architecture: "aarch64" };
    await expect(machine.create(op)).rejects.toMatchObject({ code: "DRIVER_UNAVAILABLE" });
    await machine.remove(op);
    expect(engine.inventory()).toEqual(["network bridge"]);
  });
});

describe("limits", () => {
  test.each(["1", "2"])("are asked of the engine alike on cgroup v%s", async (CgroupVersion) => {
    const { machine, op, engine } = await scriptedMachine();
    engine.info = { CgroupVersion };
    await machine.create(op);
    const bytes = 1024 * 1024 * 1024;
    expect(only(engine).request.HostConfig).toMatchObject({ NanoCpus: 2e9, Memory: bytes, MemorySwap: bytes });
  });

  test("are left out where the engine has none, and CPUs end at what it has", async () => {
    const none = await scriptedMachine();
    none.engine.info = { CpuCfsQuota: false, MemoryLimit: false, SwapLimit: false };
    await none.machine.create(none.op);
    expect(only(none.engine).request.HostConfig).not.toHaveProperty("NanoCpus");
    expect(only(none.engine).request.HostConfig).not.toHaveProperty("Memory");
    const few = await scriptedMachine({ spec: { cpus: 64 } });
    await few.machine.create(few.op);
    expect(only(few.engine).request.HostConfig.NanoCpus).toBe(8e9);
  });
});

describe("the console", () => {
  const text = async (machine: Awaited<ReturnType<typeof scriptedMachine>>["machine"]): Promise<string> => {
    let all = "";
    for await (const bytes of machine.console?.read(new AbortController().signal) ?? [])
      all += Buffer.from(bytes).toString();
    return all;
  };

  test("of a stopped machine is that of its last run, whole", async () => {
    const { machine, op, host } = await scriptedMachine();
    await machine.create(op);
    await machine.start(op);
    await machine.stop(op);
    await host.delay(5, op.signal);
    await machine.start(op);
    await machine.stop(op);
    const lines = (await text(machine)).split("\r\n").filter((line) => line !== "");
    expect(lines[0]).toMatch(/^mk-guest: init/);
    expect(lines.filter((line) => line.startsWith("mk-guest: init"))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^mk-guest: shutdown/);
  });
});

describe("status", () => {
  const probe = async (on: ReturnType<typeof dockerHost>) => {
    await on.host.delay(1000, new AbortController().signal);
    return dockerDriver.status(on.host, AbortSignal.timeout(10_000));
  };

  test.each([
    ["Docker Desktop", { OperatingSystem: "Docker Desktop" }, {}, { product: "docker-desktop" }],
    ["rootless engine", { SecurityOptions: ["name=seccomp", "name=rootless"] }, {}, { rootless: "true" }],
    ["user namespaces", { SecurityOptions: ["name=userns"] }, {}, { usernsRemap: "true" }],
    ["Podman", {}, { Components: [{ Name: "Podman Engine" }] }, { product: "podman" }],
    ["cannot limit CPUs and memory", { CpuCfsQuota: false, MemoryLimit: false }, {}, { cgroup: "v2" }],
  ])("tells apart: %s", async (note, info, version, facts) => {
    const on = dockerHost();
    on.engine.info = info;
    on.engine.version = version;
    expect(await probe(on)).toMatchObject({
      status: "ready",
      note: expect.stringContaining(note),
      facts: expect.objectContaining(facts),
    });
  });

  test("of an engine that reports errors of its own is unhealthy with its words", async () => {
    const on = dockerHost();
    on.engine.info = { ServerErrors: ["the disk is on fire"] };
    expect(await probe(on)).toMatchObject({
      status: "unhealthy",
      code: "docker-errors",
      reason: expect.stringContaining("the disk is on fire"),
    });
  });

  test("of an engine of another architecture than the machine's is unhealthy with a fix", async () => {
    const on = dockerHost();
    await on.host.delay(1000, new AbortController().signal);
    const statusFor = (arch?: GuestArch) =>
      dockerDriver.status(on.host, AbortSignal.timeout(10_000), arch && { arch, options: {} });
    expect(await statusFor("arm64")).toMatchObject({
      status: "unhealthy",
      code: "docker-other-architecture",
      reason: "the Docker Engine runs on amd64 and has no machines for arm64",
      fix: expect.stringContaining("Create the machine for amd64"),
    });
    expect(await statusFor("amd64")).toMatchObject({ status: "ready" });
    on.engine.info = { Architecture: "aarch64" };
    expect(await statusFor("arm64")).toMatchObject({ status: "ready" });
    expect(await statusFor(), "a machine of the host's own architecture").toMatchObject({ status: "unhealthy" });
  });

  test("says that the list of capabilities is used once that was found", async () => {
    const on = dockerHost();
    on.engine.withheld.add("SYS_RESOURCE");
    const { machine, op } = await scriptedMachine({ on });
    await machine.create(op);
    expect(await probe(on)).toMatchObject({ note: expect.stringContaining("--privileged is refused") });
  });
});
