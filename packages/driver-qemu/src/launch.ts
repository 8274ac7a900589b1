import { type HostProcess, type MachineContext, MkError, type Operation } from "@mk/core";
import { commandLine, DATA_NODE, type Launch } from "./command-line.js";
import { launchError } from "./launch-error.js";
import type { RunFiles } from "./machine-files.js";
import { openMonitor } from "./monitor.js";
import type { QmpConnection } from "./qmp.js";

/** What QEMU may take to end once it has closed its monitor. */
const END_DEADLINE_MS = 2_000;

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
  await host.files.remove(plan.run.ready);
  await host.files.write(logFile, "");
  const process = await host.processes.spawnDaemon(binary, commandLine(plan), { cwd: context.directory, logFile });
  await onSpawn(process);
  const failed = process.exited.then(async (exit): Promise<never> => {
    throw launchError((await host.files.readText(logFile, { maxBytes: 64 * 1024 })) ?? "", exit);
  });
  failed.catch(() => undefined); // after the start nobody waits for it
  const stop = new AbortController();
  const open = connect(context, plan.run, AbortSignal.any([signal, stop.signal]));
  open.catch(() => undefined);
  try {
    return { process, qmp: await Promise.race([open, failed]) };
  } catch (error) {
    stop.abort();
    signal.throwIfAborted();
    // The monitor closes a moment before the process ends, and only the latter tells why.
    if (MkError.is(error, "NETWORK_FAILED")) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(END_DEADLINE_MS)]);
      const isGone = await host.processes.waitGone(process.identity, deadline).then(
        () => true,
        () => false,
      );
      if (isGone) await failed;
    }
    throw error;
  } finally {
    process.unref();
  }
}

async function connect({ host }: MachineContext, run: RunFiles, signal: AbortSignal): Promise<QmpConnection> {
  // A file event instead of polling: the first byte in `ready` is the greeting of a monitor that QEMU makes after both sockets.
  const greeted = new AbortController();
  for await (const _ of host.files.follow(run.ready, { signal: AbortSignal.any([signal, greeted.signal]) })) {
    greeted.abort();
  }
  signal.throwIfAborted();
  return await openMonitor(host, run.commands, signal);
}

/** Grows the data disk of a live machine to this size; a disk that is as large already is left as it is. */
export async function growLiveDisk(qmp: QmpConnection, sizeMiB: number, signal: AbortSignal): Promise<void> {
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
