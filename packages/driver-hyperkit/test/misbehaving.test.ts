import { Bench } from "@mk/conformance";
import hyperkit from "@mk/driver-hyperkit";
import { describe, expect, test } from "vitest";
import { LEASES_FILE } from "../src/address.js";
import { scriptedMac } from "./scripted-mac.js";

const benchOn = (misbehaves: string) =>
  Bench.open(hyperkit, { host: async () => scriptedMac({ misbehaves }), changedByHost: [LEASES_FILE] });

async function startOn(misbehaves: string) {
  const bench = await benchOn(misbehaves);
  const machine = await bench.reach("stopped");
  const outcome = await bench.run((op) => machine.start(op));
  return { bench, machine, outcome, [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() };
}

describe("a start that HyperKit refuses", () => {
  for (const [misbehaves, code] of [
    ["no-vmnet", "PERMISSION_DENIED"],
    ["no-vm", "DRIVER_UNAVAILABLE"],
    ["disk-locked", "MACHINE_BUSY"],
    ["garbled-mac", "PROTOCOL_ERROR"],
  ] as const) {
    test(`fails with ${code} and leaves the machine stopped: ${misbehaves}`, async () => {
      await using started = await startOn(misbehaves);
      const { bench, outcome } = started;
      const error = expect.objectContaining({ code, hint: expect.any(String), cause: expect.any(Error) });
      if (code === "PROTOCOL_ERROR") expect(outcome.result).toMatchObject({ ok: false, error: { code } });
      else expect(outcome.result).toEqual({ ok: false, error });
      expect(await bench.state()).toBe("stopped");
      expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
    });
  }

  test("fails with MACHINE_BROKEN when the image's root is gone", async () => {
    await using bench = await benchOn("");
    const machine = await bench.reach("stopped");
    await bench.host.files.remove(bench.image?.root ?? "");
    const { result } = await bench.run((op) => machine.start(op));
    expect(result).toMatchObject({ ok: false, error: { code: "MACHINE_BROKEN" } });
  });
});

describe("HyperKit that hangs before its devices are set up", () => {
  test("is starting, and is gone when the start is aborted", async () => {
    await using bench = await benchOn("hangs");
    const machine = await bench.reach("stopped");
    const controller = new AbortController();
    const reason = new Error("deadline");
    const start = bench.run((op) => machine.start(op), {
      signal: controller.signal,
      onStep: (id, side) => {
        if (id === "power-on" && side === "within") {
          void bench.state().then((state) => {
            expect(state).toBe("starting");
            controller.abort(reason);
          });
        }
      },
    });
    expect((await start).result).toEqual({ ok: false, error: reason });
    expect(await bench.state()).toBe("stopped");
    expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
  });
});

test("a guest that ignores the power button keeps stop waiting until its deadline; kill then ends it", async () => {
  await using bench = await benchOn("ignores-button");
  const machine = await bench.reach("running");
  const controller = new AbortController();
  const reason = new Error("deadline");
  void bench.host.delay(60_000, new AbortController().signal).then(() => controller.abort(reason));
  const { result } = await bench.run((op) => machine.stop(op), controller);
  expect(result).toEqual({ ok: false, error: reason });
  expect(await bench.state()).toBe("running");
  await bench.call((op) => machine.kill(op));
  expect(await bench.state()).toBe("stopped");
});

test("a guest that dies leaves the machine stopped", async () => {
  await using started = await startOn("dies");
  await started.bench.host.delay(10_000, new AbortController().signal);
  expect(await started.bench.state()).toBe("stopped");
});

test("a guest without a lease is reached at the address it said", async () => {
  await using bench = await benchOn("no-lease");
  const machine = await bench.reach("running");
  expect(await bench.call((op) => machine.access(op))).toMatchObject({ host: "192.168.64.7", port: 22 });
});

describe("a HyperKit whose start mk did not live to record", () => {
  test("is found by its pid file and its UUID, and removed", async () => {
    await using bench = await benchOn("");
    await bench.reach("running");
    bench.record = JSON.stringify({ version: 1 });
    expect(await bench.state()).toBe("running");
    const machine = await bench.handle();
    await bench.call((op) => machine.remove(op));
    expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
  });

  for (const contents of ["", "0", "1", "-1", "not a pid", "99999999999", "4194305", "1000\n1001"]) {
    test(`is not taken from a pid file that says ${JSON.stringify(contents)}`, async () => {
      await using bench = await benchOn("");
      await bench.reach("stopped");
      await bench.host.files.write(`${bench.directory}/hyperkit.pid`, contents);
      expect(await bench.state()).toBe("stopped");
    });
  }

  test("is not taken for another machine's HyperKit that has its pid now", async () => {
    await using bench = await benchOn("");
    await using other = await bench.beside();
    await other.reach("running");
    const pid = await other.host.files.readText(`${other.directory}/hyperkit.pid`);
    await bench.reach("stopped");
    await bench.host.files.write(`${bench.directory}/hyperkit.pid`, pid ?? "");
    expect(await bench.state()).toBe("stopped");
    const machine = await bench.handle();
    await bench.call((op) => machine.remove(op));
    expect(await other.state()).toBe("running");
  });
});
