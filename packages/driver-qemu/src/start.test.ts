import { Bench, type Program, scriptedHost } from "@mk/conformance";
import type { Machine } from "@mk/core";
import { describe, expect, test } from "vitest";
import { scriptedQemu } from "../test/scripted-qemu.js";
import { qemu } from "./driver.js";

/** A stopped machine that was created on a host with this QEMU. */
async function stoppedMachine(program: Program, options: Readonly<Record<string, unknown>> = {}) {
  const host = async () => scriptedHost({ programs: { "qemu-system-x86_64": program } });
  const bench = await Bench.open(qemu, { host, options });
  return { bench, machine: await bench.reach("stopped") };
}

/** QEMU on which KVM works until it is taken away, as by another hypervisor. */
function losingKvm() {
  const kvm = { works: true };
  const program: Program = (process) => {
    if (kvm.works || !process.args.includes("kvm")) return scriptedQemu()(process);
    process.complain("Could not access KVM kernel module: Device or resource busy\n");
    return 1;
  };
  return { kvm, program };
}

/** Runs a start that is killed with mk before the nth call of this name to the host: nothing is undone. */
async function cutOff(bench: Bench, machine: Machine, name: string, nth: number): Promise<void> {
  let calls = 0;
  bench.disturb((call) => {
    if (call.name === name) calls += 1;
    if (calls >= nth) throw new Error("killed");
  });
  const { result } = await bench.run((op) => machine.start(op));
  bench.disturb(undefined);
  expect(result.ok).toBe(false);
}

describe("a start", () => {
  test("takes another accelerator when the one that worked before does not any more", async () => {
    const { kvm, program } = losingKvm();
    const { bench, machine } = await stoppedMachine(program);
    await using _ = bench;
    await bench.call((op) => machine.start(op));
    expect(JSON.parse(bench.record!).run).toMatchObject({ accelerator: "kvm" });
    await bench.call((op) => machine.kill(op));
    kvm.works = false;
    await bench.call((op) => machine.start(op));
    expect(await bench.state()).toBe("running");
    expect(JSON.parse(bench.record!).run).toMatchObject({ accelerator: "tcg" });
  });

  test("says why an accelerator that is demanded is of no use any more", async () => {
    const { kvm, program } = losingKvm();
    const { bench, machine } = await stoppedMachine(program, { accelerator: "kvm" });
    await using _ = bench;
    await bench.call((op) => machine.start(op));
    await bench.call((op) => machine.kill(op));
    kvm.works = false;
    await expect(bench.call((op) => machine.start(op))).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      message: "kvm cannot be used: Could not access KVM kernel module: Device or resource busy",
    });
    expect(await bench.state()).toBe("stopped");
  });

  test("does not launch on a demanded accelerator that never runs a guest", async () => {
    const { bench, machine } = await stoppedMachine(scriptedQemu({ accelerators: ["tcg"] }), { accelerator: "kvm" });
    await using _ = bench;
    await expect(bench.call((op) => machine.start(op))).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      message: expect.stringContaining("kvm cannot be used: no guest instruction ran"),
      hint: expect.stringContaining("--qemu-accelerator at auto"),
    });
  });

  test.each([
    ["none of its ports is open", "network.connect", 1],
    ["its ports are open and none is recorded", "record.write", 3],
  ] as const)(
    "that is cut off when %s goes on with all ports open, and gives none of the last start's that is another's",
    async (_when, name, nth) => {
      const { bench, machine } = await stoppedMachine(scriptedQemu());
      await using _ = bench;
      bench.respecify({ ports: [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }] });
      const endpoints = async () => {
        const asked = await bench.handle();
        return Promise.all([22, 2376, 80].map((port) => bench.call((op) => asked.endpoint(port, op))));
      };
      const first = await bench.handle();
      await bench.call((op) => first.start(op));
      const [lastSsh] = await endpoints();
      await bench.call((op) => machine.kill(op));

      await bench.host.network.leasePort({ preferred: lastSsh!.port });
      await cutOff(bench, await bench.handle(), name, nth);
      expect(await bench.inspect()).toEqual({ state: "paused", reason: "its start was interrupted" });
      const again = await bench.handle();
      await bench.call(async (op) => again.suspension?.resume(op));
      expect(await bench.state()).toBe("running");
      const opened = await endpoints();
      expect(opened[0]).not.toEqual(lastSsh);
      expect(opened[2]).toEqual({ host: "127.0.0.1", port: 8080 });
      for (const endpoint of opened) (await bench.host.network.connect(endpoint, AbortSignal.timeout(1000))).destroy();
    },
  );

  test("gives QEMU's reason when its log is long", async () => {
    const { bench, machine } = await stoppedMachine((process) => {
      if (!process.args.includes("-S")) return scriptedQemu()(process);
      process.complain(`${"warning: \n".repeat(10_000)}No space left on device\n`);
      return 1;
    });
    await using _ = bench;
    await expect(bench.call((op) => machine.start(op))).rejects.toMatchObject({ code: "NO_SPACE" });
  });
});
