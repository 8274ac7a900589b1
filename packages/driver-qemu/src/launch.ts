import { type HostProcess, type MachineContext, MkError, type Operation } from "@mk/core";
import { commandLine, DATA_NODE, type Launch } from "./command-line.js";
import { launchError } from "./launch-error.js";
import { runFiles } from "./machine-files.js";
import { openMonitor } from "./monitor.js";
import { QmpConnection } from "./qmp.js";
import { timeLimit } from "./time-limit.js";

/** What QEMU may take to end once it has closed its monitor. */
const END_DEADLINE_MS = 2_000;
/** The end of its log, for an error. */
const LOG_BYTES = 64 * 1024;

export interface Launched {
  readonly process: HostProcess;
  /** To the operations' socket; the caller closes it. */
  readonly qmp: QmpConnection;
}

/**
 * Starts QEMU with the machine created but not run, and answers once its monitor does. `onSpawn` is called with the process before
 * anything else. Rejects with the reason QEMU gave when it ends instead.
 */
export async function launch(
  context: MachineContext,
  binary: string,
  plan: Launch,
  logFile: string,
  onSpawn: (process: HostProcess) => Promise<void>,
  { signal }: Operation,
): Promise<Launched> {
  const { host } = context;
  // QEMU replaces its sockets and its pid file itself; the old greeting would be taken for the new one.
  await host.files.remove(runFiles(plan.directory).ready);
  await host.files.write(logFile, "");
  const qemu = await host.processes.spawnDaemon(binary, commandLine(plan), { cwd: context.directory, logFile });
  await onSpawn(qemu);
  const stop = new AbortController();
  const open = connect(context, plan, AbortSignal.any([signal, stop.signal]));
  open.catch(() => undefined); // when the process ended first
  try {
    const first = await Promise.race([open, qemu.exited]);
    if (first instanceof QmpConnection) return { process: qemu, qmp: first };
    throw await failure(context, logFile, first);
  } catch (error) {
    stop.abort();
    signal.throwIfAborted();
    // The monitor closes a moment before the process ends, and only the latter tells why.
    if (!MkError.is(error, "NETWORK_FAILED")) throw error;
    using limit = timeLimit(host, END_DEADLINE_MS, signal);
    await host.processes.waitGone(qemu.identity, limit.signal).catch(() => undefined);
    signal.throwIfAborted();
    throw (await host.processes.isAlive(qemu.identity)) ? error : await failure(context, logFile, await qemu.exited);
  } finally {
    qemu.unref();
  }
}

async function failure(
  { host }: MachineContext,
  logFile: string,
  exit: Awaited<HostProcess["exited"]>,
): Promise<MkError> {
  const { size } = (await host.files.stat(logFile)) ?? { size: 0 };
  const output = await host.files.readBytes(logFile, { offset: Math.max(0, size - LOG_BYTES), length: LOG_BYTES });
  return launchError(Buffer.from(output ?? []).toString(), exit);
}

async function connect({ host }: MachineContext, plan: Launch, signal: AbortSignal): Promise<QmpConnection> {
  // A file event instead of polling: the first byte in `ready` is the greeting of a monitor that QEMU makes after both sockets.
  const greeted = new AbortController();
  for await (const _ of host.files.follow(runFiles(plan.directory).ready, {
    signal: AbortSignal.any([signal, greeted.signal]),
  })) {
    greeted.abort();
  }
  signal.throwIfAborted();
  return await openMonitor(host, plan.monitors.commands, signal);
}

/** Grows the qcow2 data disk of a machine that was created to this size; one that is as large already is left as it is. */
export async function growQcow2Disk(qmp: QmpConnection, sizeMiB: number, signal: AbortSignal): Promise<void> {
  const nodes = await qmp.execute("query-named-block-nodes", { flat: true }, signal);
  const node = Array.isArray(nodes)
    ? (nodes as { "node-name"?: string; image?: { "virtual-size"?: number } }[]).find(
        (each) => each["node-name"] === DATA_NODE,
      )
    : undefined;
  const wanted = sizeMiB * 1024 * 1024;
  if ((node?.image?.["virtual-size"] ?? wanted) >= wanted) return;
  await qmp.execute("block_resize", { "node-name": DATA_NODE, size: wanted }, signal);
}
