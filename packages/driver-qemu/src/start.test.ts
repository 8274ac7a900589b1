import { Bench, type Program, scriptedHost } from "@mk/conformance";
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
