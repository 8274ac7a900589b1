import type { MachineContext, Operation } from "@mk/core";
import { buildKernelCommandLine, deriveMacAddress, USER_NETWORK } from "@mk/vm";
import { defaultCpu, explainEmulation } from "./accelerator.js";
import { chooseAccelerator } from "./choose-accelerator.js";
import type { Launch } from "./command-line.js";
import type { QemuConfig } from "./config.js";
import type { Installation } from "./installation.js";
import { machineFiles } from "./machine-files.js";
import { monitorsOf, type RunPlace } from "./monitor-address.js";
import type { QemuRecord } from "./record.js";

/** Decides all that a start leaves open: accelerator, CPU, machine type, run directory. Fails as {@link chooseAccelerator} does. */
export async function planLaunch(
  context: MachineContext,
  config: QemuConfig,
  record: QemuRecord,
  installation: Installation,
  place: RunPlace,
  { signal, log }: Operation,
): Promise<Launch> {
  const { host } = context;
  const image = await context.image();
  const finding = await chooseAccelerator(host, config, installation, signal);
  const emulated = explainEmulation(finding);
  if (emulated !== undefined) log("the guest is emulated", { reason: emulated });
  const accelerator = finding.works;
  const files = machineFiles(context, config);
  return {
    name: context.name,
    id: context.id,
    arch: config.arch,
    cpus: config.cpus,
    memoryMiB: config.memoryMiB,
    accelerator,
    cpu: config.cpu ?? defaultCpu(config.arch, accelerator),
    machineType: chooseMachineType(config, record, installation, log),
    kernel: image.kernel,
    initrd: files.initrd,
    cmdline: buildKernelCommandLine(image.cmdline, USER_NETWORK),
    root: image.root,
    data: { path: files.data, format: config.diskFormat, cache: config.diskCache },
    macAddress: deriveMacAddress(context.id),
    serialLog: files.serialLog,
    directory: place.directory,
    monitors: monitorsOf(place),
    sandbox: config.sandbox && host.platform === "linux",
    extraArgs: config.extraArgs,
  };
}

/** The type of the machine's first start, so that an upgrade of QEMU does not change its hardware; QEMU drops types after six years. */
function chooseMachineType(
  config: QemuConfig,
  { machineType: pinned }: QemuRecord,
  { machineType: newest, machineTypes }: Installation,
  log: Operation["log"],
): string {
  if (config.machineType !== undefined) return config.machineType;
  if (pinned === undefined) return newest;
  if (machineTypes.includes(pinned)) return pinned;
  log("this qemu no longer has the machine's type, taking the newest", { pinned, newest });
  return newest;
}
