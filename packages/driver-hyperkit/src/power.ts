import type { MachineContext, ProcessIdentity } from "@mk/core";
import { machineFiles } from "./machine-files.js";

/**
 * Presses the ACPI power button and waits until HyperKit is gone. HyperKit takes SIGTERM for the button once the guest has
 * enabled ACPI (`smi_cmd_handler` in pm.c), and is ended by it before: then there is no guest yet that could lose data.
 */
export async function pressPowerButton(
  context: MachineContext,
  process: ProcessIdentity,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await context.host.processes.signal(process, "SIGTERM");
  await context.host.processes.waitGone(process, signal);
  await forgetRun(context);
}

/** Kills HyperKit and returns when exactly that process is proved to be gone. */
export async function cutPower(context: MachineContext, process: ProcessIdentity, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await context.host.processes.signal(process, "SIGKILL");
  await context.host.processes.waitGone(process, signal);
  await forgetRun(context);
}

/** HyperKit removes its pid file when it ends by itself, and nothing when it is killed. */
async function forgetRun(context: MachineContext): Promise<void> {
  const { host } = context;
  // The console stays until the next start: it says why the guest went down.
  const { pidFile, terminal } = machineFiles(context);
  for (const path of [pidFile, terminal]) await host.files.remove(path);
}
