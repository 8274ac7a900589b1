import { Bench, scriptedHost } from "@mk/conformance";
import { expect, test } from "vitest";
import { scriptedQemu } from "../test/scripted-qemu.js";
import { qemu } from "./driver.js";

test("a QEMU that hangs is unknown, and is killed when it has not quit within 3 s of the host's time", async () => {
  const host = async () => scriptedHost({ programs: { "qemu-system-x86_64": scriptedQemu() } });
  await using bench = await Bench.open(qemu, { host });
  const machine = await bench.reach("running");
  bench.disturb(({ name, signal }) => {
    if (name !== "network.connect") return;
    return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
  });
  const before = bench.host.now();
  expect(await bench.inspect()).toEqual({ state: "unknown", reason: "QEMU is not responding within 3 s" });
  await bench.call((op) => machine.kill(op));
  expect(bench.host.now() - before).toBe(6_000);
  bench.disturb(undefined);
  expect(await bench.state()).toBe("stopped");
});
