import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Machine } from "@mk/core";
import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { runFiles } from "../src/machine-files.js";
import { openMonitor } from "../src/monitor.js";
import { Interrupted, type TinyMachine, tinyMachine } from "./tiny-machine.js";

const suite = await live({ needs: ["qemu", "linux"] });

async function started(options: Readonly<Record<string, unknown>> = {}): Promise<TinyMachine> {
  const tiny = await tinyMachine(options);
  const machine = await tiny.handle();
  await tiny.run((op) => machine.create(op));
  await tiny.run((op) => machine.start(op));
  return tiny;
}

/** Waits for the guest's own word: before it, nobody listens to the power button. */
async function untilReady(machine: Machine): Promise<void> {
  const ready = new AbortController();
  let text = "";
  for await (const bytes of machine.console?.read(ready.signal) ?? []) {
    text += Buffer.from(bytes).toString("latin1");
    if (/^mk-guest: ready .*\n/m.test(text)) ready.abort();
  }
}

async function inspect(tiny: TinyMachine) {
  const machine = await tiny.handle();
  return tiny.run((op) => machine.inspect(op));
}

function pidOf(tiny: TinyMachine): number {
  const pid = tiny.record?.run?.process?.pid;
  if (pid === undefined) throw new Error("no process was recorded");
  return pid;
}

/** What is left of a record by an mk that was killed before it could write the process down. */
function forgetProcess(tiny: TinyMachine): void {
  const { process: _, ...run } = tiny.record!.run!;
  tiny.record = { ...tiny.record!, run };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

suite("what happens behind mk's back", () => {
  test("finds a QEMU that mk was killed too early to record, and ends it", async () => {
    await using tiny = await started();
    const { process } = tiny.record!.run!;
    forgetProcess(tiny);
    expect(await inspect(tiny)).toEqual({ state: "running" });
    const machine = await tiny.handle();
    await tiny.run((op) => machine.kill(op));
    expect(await tiny.host.processes.isAlive(process!)).toBe(false);
    expect(await inspect(tiny)).toEqual({ state: "stopped" });
  });

  test("ends an unrecorded QEMU that hangs", async () => {
    await using tiny = await started();
    const identity = tiny.record!.run!.process!;
    forgetProcess(tiny);
    process.kill(identity.pid, "SIGSTOP");
    expect(await inspect(tiny)).toMatchObject({ state: "unknown" });
    const machine = await tiny.handle();
    await tiny.run((op) => machine.remove(op));
    expect(await tiny.host.processes.isAlive(identity)).toBe(false);
    expect(await inspect(tiny)).toEqual({ state: "absent" });
  });

  test("finds a QEMU whose recorded identity no longer fits, since its binary was a script that became it", async () => {
    await using tiny = await started();
    const identity = tiny.record!.run!.process!;
    tiny.record = {
      ...tiny.record!,
      run: { ...tiny.record!.run!, process: { ...identity, executable: "/usr/bin/sh" } },
    };
    expect(await inspect(tiny)).toEqual({ state: "running" });
    const machine = await tiny.handle();
    await tiny.run((op) => machine.kill(op));
    expect(await tiny.host.processes.isAlive(identity)).toBe(false);
  });

  test("is in a session of its own, which the terminal's Ctrl-C does not reach", async () => {
    await using tiny = await started();
    const { stdout } = await tiny.host.run("ps", ["-o", "sid=", "-p", String(pidOf(tiny))]);
    expect(Number(stdout)).toBe(pidOf(tiny));
  });

  test.each(["launch", "power-on"])("goes on after a start that was cut short before %s", async (failAt) => {
    await using tiny = await tinyMachine();
    const machine = await tiny.handle();
    await tiny.run((op) => machine.create(op));
    await expect(tiny.run((op) => machine.start(op), { failAt })).rejects.toThrow(Interrupted);
    const status = await inspect(tiny);
    if (failAt === "launch") {
      expect(status).toEqual({ state: "stopped" });
      await tiny.run((op) => machine.start(op));
    } else {
      expect(status).toEqual({ state: "paused", reason: "its start was interrupted" });
      await tiny.run(async (op) => machine.suspension?.resume(op));
    }
    expect(await inspect(tiny)).toEqual({ state: "running" });
    const { port } = await tiny.run((op) => machine.endpoint(22, op));
    expect(await isListening(port)).toBe(true);
  });

  test("opens all its ports when a later start was cut short before power-on", async () => {
    await using tiny = await started();
    await tiny.run(async (op) => (await tiny.handle()).kill(op));
    const machine = await tiny.handle({ ports: [{ hostAddress: "127.0.0.1", hostPort: 0, guestPort: 80 }] });
    await expect(tiny.run((op) => machine.start(op), { failAt: "power-on" })).rejects.toThrow(Interrupted);
    expect(await inspect(tiny)).toEqual({ state: "paused", reason: "its start was interrupted" });
    await tiny.run(async (op) => machine.suspension?.resume(op));
    expect(await inspect(tiny)).toEqual({ state: "running" });
    const { forwards } = tiny.record!.run!;
    expect(forwards.map(({ guestPort }) => guestPort)).toEqual([22, 2376, 80]);
    for (const { port } of forwards) expect(await isListening(port)).toBe(true);
  });

  test.each(["", "-1", "0", "1", "2147483648", "4194305", "text", "123 456", "1".repeat(40)])(
    "is stopped when its pid file says %j",
    async (text) => {
      await using tiny = await started();
      const directory = tiny.record!.run!.directory;
      const machine = await tiny.handle();
      await tiny.run((op) => machine.kill(op));
      forgetProcess(tiny);
      await tiny.host.files.write(runFiles(directory).pid, text);
      expect(await inspect(tiny)).toEqual({ state: "stopped" });
      await tiny.run((op) => machine.kill(op));
    },
  );

  test("never takes another program, nor another machine's QEMU, for its own", async () => {
    await using other = await started();
    const sleeper = spawn("sleep", ["60"]);
    await using tiny = await started();
    const machine = await tiny.handle();
    await tiny.run((op) => machine.kill(op));
    forgetProcess(tiny);
    for (const pid of [sleeper.pid!, pidOf(other)]) {
      await tiny.host.files.write(runFiles(tiny.record!.run!.directory).pid, `${pid}\n`);
      expect(await inspect(tiny)).toEqual({ state: "stopped" });
      await tiny.run((op) => machine.kill(op));
    }
    expect(sleeper.exitCode).toBeNull();
    expect(await inspect(other)).toEqual({ state: "running" });
    sleeper.kill();
    await once(sleeper, "exit");
  });

  test("says that a machine is broken whose disk is gone, and removes it", async () => {
    await using tiny = await started();
    const machine = await tiny.handle();
    await tiny.run((op) => machine.kill(op));
    await tiny.host.files.remove(`${tiny.directory}/data.raw`);
    expect(await inspect(tiny)).toMatchObject({ state: "broken", reason: expect.stringContaining("data.raw is gone") });
    await tiny.run((op) => machine.remove(op));
    expect(await inspect(tiny)).toEqual({ state: "absent" });
  });

  test("refuses a disk that the guest made look like an image with a backing file", async () => {
    await using tiny = await started();
    const machine = await tiny.handle();
    await tiny.run((op) => machine.kill(op));
    await tiny.host.files.patch(`${tiny.directory}/data.raw`, 0, Buffer.from("QFI\xfb", "latin1"));
    await expect(tiny.run((op) => machine.start(op))).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(await inspect(tiny)).toEqual({ state: "stopped" });
  });

  test("is not started twice on one disk", async () => {
    await using tiny = await started();
    const machine = await tiny.handle();
    const running = tiny.record;
    await expect(tiny.run((op) => machine.start(op))).rejects.toMatchObject({ code: "MACHINE_BUSY" });
    tiny.record = running;
    expect(await inspect(tiny)).toEqual({ state: "running" });
  });
});

suite("a host without Unix sockets", () => {
  test("is served by monitors on loopback that let in only who has the key", async () => {
    await using tiny = await tinyMachine({}, { platform: "win32" });
    const machine = await tiny.handle();
    await tiny.run((op) => machine.create(op));
    await tiny.run((op) => machine.start(op));
    expect(await inspect(tiny)).toEqual({ state: "running" });
    const { monitorPorts, directory, process: identity } = tiny.record!.run!;
    const keys = `${directory}/keys.psk`;
    expect((await tiny.host.files.stat(keys))!.mode & 0o777).toBe(0o600);
    expect(await isListening(monitorPorts!.queries)).toBe(true);
    const forged = `${tiny.directory}/forged.psk`;
    await tiny.host.files.write(forged, `mk:${"0".repeat(64)}\n`);
    const address = { port: monitorPorts!.queries, keyFile: forged };
    const opening = openMonitor(tiny.host, address, AbortSignal.timeout(20_000));
    await expect(opening).rejects.toMatchObject({ code: "NETWORK_FAILED" });
    await tiny.run(async (op) => machine.suspension?.pause(op));
    expect(await inspect(tiny)).toEqual({ state: "paused" });
    await tiny.run(async (op) => machine.suspension?.resume(op));
    await untilReady(machine);
    await tiny.run((op) => machine.stop(op));
    expect(await tiny.host.processes.isAlive(identity!)).toBe(false);
    await tiny.run((op) => machine.remove(op));
    expect(await tiny.host.files.stat(directory)).toBeUndefined();
  });
});

suite("what QEMU refuses", () => {
  test.each([
    [{ cpu: "i486dx" }, "INVALID_OPTION"],
    [{ machineType: "pc-q35-0.1" }, "INVALID_OPTION"],
    [{ accelerator: "hvf" }, "DRIVER_UNAVAILABLE"],
    [{ extraArgs: ["-device", "no-such-device"] }, "DRIVER_FAILED"],
    [{ binary: "/nonexistent/qemu-system-x86_64" }, "COMMAND_NOT_FOUND"],
  ] as const)("%j is a %s with a hint, and nothing runs afterwards", async (options, code) => {
    await using tiny = await tinyMachine(options);
    const machine = await tiny.handle();
    await tiny.run((op) => machine.create(op));
    await expect(tiny.run((op) => machine.start(op))).rejects.toMatchObject({
      code,
      hint: expect.stringMatching(/\.$/),
    });
    expect(await inspect(tiny)).toEqual({ state: "stopped" });
  });
});

suite("what changes in a machine's life", () => {
  test("opens each port that is asked for once, however many ask at the same time", async () => {
    await using tiny = await started();
    const machine = await tiny.handle();
    const ports = [80, 81, 80, 82, 81];
    const endpoints = await Promise.all(ports.map((port) => tiny.run((op) => machine.endpoint(port, op))));
    expect(endpoints[2]).toEqual(endpoints[0]);
    expect(endpoints[4]).toEqual(endpoints[1]);
    const recorded = tiny.record!.run!.forwards.map(({ guestPort }) => guestPort);
    expect(recorded.sort((a, b) => a - b)).toEqual([22, 80, 81, 82, 2376]);
    for (const { port } of endpoints) expect(await isListening(port)).toBe(true);
  });

  test("refuses a port that is taken, and starts nothing", async () => {
    await using tiny = await tinyMachine();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const machine = await tiny.handle({ ports: [{ hostAddress: "127.0.0.1", hostPort: port, guestPort: 80 }] });
    await tiny.run((op) => machine.create(op));
    await expect(tiny.run((op) => machine.start(op))).rejects.toMatchObject({ code: "PORT_IN_USE" });
    expect(await inspect(tiny)).toEqual({ state: "stopped" });
    server.close();
  });

  test.each(["raw", "qcow2"])("grows a %s disk at the next start, and never shrinks it", async (diskFormat) => {
    await using tiny = await started({ diskFormat });
    const virtualMiB = async () => {
      const machine = await tiny.handle();
      await tiny.run((op) => machine.kill(op));
      const { stdout } = await tiny.host.run("qemu-img", [
        "info",
        "--output=json",
        `${tiny.directory}/data.${diskFormat}`,
      ]);
      return JSON.parse(stdout)["virtual-size"] / 1024 / 1024;
    };
    expect(await virtualMiB()).toBe(16);
    const bigger = await tiny.handle({ diskMiB: 48 });
    await tiny.run((op) => bigger.start(op));
    expect(await virtualMiB()).toBe(48);
    const smaller = await tiny.handle({ diskMiB: 16 });
    await tiny.run((op) => smaller.start(op));
    expect(await virtualMiB()).toBe(48);
  });

  test("keeps the machine type of its first start", async () => {
    await using tiny = await started();
    const first = tiny.record?.machineType;
    expect(first).toMatch(/^pc-q35-\d+\.\d+$/);
    const machine = await tiny.handle();
    await tiny.run((op) => machine.kill(op));
    tiny.record = { ...tiny.record!, machineType: "pc-q35-6.2" };
    await tiny.run((op) => machine.start(op));
    expect(tiny.record?.machineType).toBe("pc-q35-6.2");
    expect(await inspect(tiny)).toEqual({ state: "running" });
  });
});
