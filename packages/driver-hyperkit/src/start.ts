import type { Host, MachineContext, Operation, ProcessIdentity } from "@mk/core";
import { buildKernelCommandLine, growRawDisk, writeSeedArchive } from "@mk/vm";
import { findBinary } from "./binary.js";
import { commandLine } from "./command-line.js";
import type { HyperkitConfig } from "./config.js";
import { launchError } from "./launch-error.js";
import { askMacAddress } from "./mac-address.js";
import { machineFiles, runFiles } from "./machine-files.js";
import { cutPower } from "./power.js";

/** Of HyperKit's own output: what it says before it gives up comes first. */
const LOG_BYTES = 64 * 1024;

/** Starts HyperKit and returns when all its devices are set up and the guest's kernel runs. */
export async function start(context: MachineContext, config: HyperkitConfig, op: Operation): Promise<void> {
  const { host, directory, id, name } = context;
  const { signal } = op;
  const files = machineFiles(context);
  const image = await context.image();
  const binary = await findBinary(host, config);

  await op.step("firmware", "preparing the disk and the seed", async () => {
    await growRawDisk(host.files, files.data, config.diskMiB);
    // The kernel unpacks archives in turn; a plain one after a compressed one would be ignored.
    await host.files.concat(files.initrd, [writeSeedArchive(await context.seed()), image.initramfs]);
  });

  const macAddress = await op.step("mac-address", "asking vmnet for the MAC address", () =>
    askMacAddress(host, binary, context, signal),
  );

  const process = await op.step("spawn", "starting HyperKit", async () => {
    for (const path of runFiles(files)) await host.files.remove(path);
    await host.files.write(files.log, "");
    const cmdline = buildKernelCommandLine(image.cmdline, {});
    const args = commandLine({ config, id, directory, image, cmdline });
    signal.throwIfAborted();
    const child = await host.processes.spawnDaemon(binary, args, { cwd: directory, logFile: files.log });
    op.undo(async (undo) => cutPower(context, await asItIsNow(host, child.identity), undo.signal));
    await context.record.write({ version: 1, macAddress, process: child.identity });
    child.unref();
    return child;
  });

  await op.step("power-on", "waiting for HyperKit's devices", async () => {
    const over = new AbortController();
    const end = process.exited.then((ending) => {
      over.abort();
      return ending;
    });
    const up = firstByte(host.files.follow(files.terminal, { signal: AbortSignal.any([signal, over.signal]) }));
    if (await up) {
      await context.record.write({ version: 1, macAddress, process: await asItIsNow(host, process.identity) });
      return;
    }
    signal.throwIfAborted();
    const { exitCode } = await end;
    const output = await host.files.readBytes(files.log, { length: LOG_BYTES });
    throw launchError(name, Buffer.from(output ?? []).toString(), exitCode);
  });
}

/**
 * The same process as it is known now. One that was installed as a script is identified as its shell at first, and as
 * HyperKit once the script has executed it; its start time stays.
 */
async function asItIsNow(host: Host, identity: ProcessIdentity): Promise<ProcessIdentity> {
  const now = await host.processes.identify(identity.pid);
  return now?.startTime === identity.startTime && now.bootId === identity.bootId ? now : identity;
}

/** True when something came, false when the iteration ended before. */
async function firstByte(bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
  for await (const part of bytes) if (part.length > 0) return true;
  return false;
}
