import { setTimeout } from "node:timers/promises";
import { Bench } from "@mk/conformance";
import { live, privateLibvirt, temporaryDirectory, tinyImage } from "@mk/testing";
import { expect, test } from "vitest";
import kvm2 from "../src/index.js";
import { libvirtHost } from "./libvirt-host.js";

const suite = await live({ needs: ["libvirt", "linux", "root", "program:qemu-system-x86_64", "program:unshare"] });

suite("a machine whose libvirtd is killed and started anew", () => {
  test("runs on, is seen by the same handle and a new one, and stops while libvirtd is away", async () => {
    await using directory = await temporaryDirectory();
    await using libvirt = await privateLibvirt();
    await using bench = await Bench.open(kvm2, {
      host: async () => libvirtHost(libvirt),
      mode: "live",
      image: await tinyImage(directory.path, "amd64"),
      spec: { arch: "amd64", cpus: 1, memoryMiB: 64, diskMiB: 16 },
      options: { virtualization: "qemu" },
    });
    const machine = await bench.reach("running");
    const address = await bench.call((op) => machine.endpoint(22, op));

    await libvirt.restart();
    expect(await bench.state(machine)).toBe("running");
    expect(await bench.state()).toBe("running");
    expect(await bench.call((op) => machine.endpoint(22, op))).toEqual(address);

    // Before libvirtd has passed the power button on, while the guest shuts down, and when it may just have ended.
    for (const afterMs of [0, 60, 250]) {
      let restarted: Promise<void> | undefined;
      await bench.call((op) => machine.stop(op), {
        onStep: (id, side) => {
          if (id === "shutdown" && side === "before") restarted = setTimeout(afterMs).then(() => libvirt.restart());
        },
      });
      await restarted;
      expect(await bench.state()).toBe("stopped");

      await bench.call((op) => machine.start(op));
      expect(await bench.call((op) => machine.endpoint(22, op))).toEqual(address);
      await bench.untilReady();
    }
    await libvirt.restart();
    await bench.call((op) => machine.remove(op));
    expect(await bench.state()).toBe("absent");
  });
});
