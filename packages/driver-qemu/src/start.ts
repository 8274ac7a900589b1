import { type MachineContext, MkError, type Operation, type PortLease } from "@mk/core";
import { assertSelfContained, growRawDisk, writeSeedArchive } from "@mk/vm";
import { forgetAccelerator } from "./accelerator.js";
import type { QemuConfig } from "./config.js";
import { findInstallation } from "./installation.js";
import { growQcow2Disk, launch } from "./launch.js";
import { planLaunch } from "./launch-plan.js";
import { machineFiles } from "./machine-files.js";
import { makeRunPlace } from "./monitor-address.js";
import { openForward, releaseForwards, reserveForwards } from "./ports.js";
import { cutPower } from "./power.js";
import { type Forward, type QemuRun, readRecord } from "./record.js";

/**
 * Powers the machine on. The order is what makes it safe to be killed at any point: the record names the run directory before QEMU
 * exists, the process and the ports before the guest's first instruction. A QEMU that was left before that is ended, and this begins anew.
 */
export async function start(context: MachineContext, config: QemuConfig, op: Operation): Promise<void> {
  const { host } = context;
  const { signal } = op;
  const record = (await readRecord(context)) ?? { version: 1 };
  const files = machineFiles(context, config);

  const installation = await op.step("find-qemu", "finding QEMU", () =>
    findInstallation(host, config.arch, config.binary, signal),
  );
  const { place, leases } = await makeRunPlace(host, context.id);
  op.undo(() => release(leases));
  let plan = await op.step("plan", "choosing the accelerator", () =>
    planLaunch(context, config, record, installation, place, op),
  );
  await op.step("boot-files", "writing the boot files", async () => {
    const [image, seed] = await Promise.all([context.image(), context.seed()]);
    // The seed comes first: the kernel ignores a plain archive behind a compressed one.
    await host.files.concat(files.initrd, [writeSeedArchive(seed), image.initramfs]);
    await assertSelfContained(host.files, files.data, config.diskFormat);
    if (config.diskFormat === "raw") await growRawDisk(host.files, files.data, config.diskMiB);
  });

  const reserved = await op.step("ports", "choosing ports", () =>
    reserveForwards(host, config.ports, record.run?.forwards ?? []),
  );
  op.undo(() => releaseForwards(reserved));
  // The last ports stay in the record until there are new ones: they are what the next start prefers.
  let run: QemuRun = {
    binary: installation.binary,
    version: installation.version,
    accelerator: plan.accelerator,
    ...place,
    forwards: record.run?.forwards ?? [],
  };
  const save = () => context.record.write({ version: 1, machineType: plan.machineType, run });
  await save();

  await release(leases);
  const { qmp, process: qemu } = await op.step("launch", "starting QEMU", async () => {
    try {
      return await launch(context, installation.binary, plan, files.qemuLog, onSpawn, op);
    } catch (error) {
      if (!MkError.is(error, "DRIVER_UNAVAILABLE") && !MkError.is(error, "PERMISSION_DENIED")) throw error;
      // An accelerator that worked need not any more: another hypervisor may hold the CPU, a module or a permission be gone.
      await forgetAccelerator(host, installation);
      const { accelerator } = plan;
      plan = await planLaunch(context, config, record, installation, place, op);
      if (plan.accelerator === accelerator) throw error;
      run = { ...run, accelerator: plan.accelerator };
      return await launch(context, installation.binary, plan, files.qemuLog, onSpawn, op);
    }
  });
  async function onSpawn({ identity }: { readonly identity: NonNullable<QemuRun["process"]> }): Promise<void> {
    op.undo((undo) => cutPower(context, run.process ?? identity, place, undo));
    run = { ...run, process: identity };
    await save();
  }

  await using monitor = qmp;
  // QEMU may be installed as a script that executes the real program: the same process, known by another name than when it was spawned.
  const now = await host.processes.identify(qemu.identity.pid);
  if (now !== undefined && now.startTime === qemu.identity.startTime) run = { ...run, process: now };
  await op.step("power-on", "powering on", async () => {
    const forwards: Forward[] = [];
    for (const each of reserved) forwards.push(await openForward(host, monitor, each, signal));
    run = { ...run, forwards };
    await save();
    if (config.diskFormat === "qcow2") await growQcow2Disk(monitor, config.diskMiB, signal);
    await monitor.execute("cont", {}, signal);
  });
}

async function release(leases: readonly PortLease[]): Promise<void> {
  await Promise.all(leases.map((lease) => lease.release()));
}
