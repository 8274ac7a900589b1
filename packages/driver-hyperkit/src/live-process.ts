import type { MachineContext, ProcessIdentity } from "@mk/core";
import { machineFiles } from "./machine-files.js";
import { readRecord } from "./record.js";

/**
 * The machine's HyperKit process, proved alive: the recorded one or, when mk was ended between the start of HyperKit and
 * the writing of the record, the one in HyperKit's own pid file, if its arguments carry the machine's UUID.
 */
export async function findProcess(context: MachineContext, signal: AbortSignal): Promise<ProcessIdentity | undefined> {
  const { host } = context;
  const recorded = (await readRecord(context))?.process;
  if (recorded !== undefined && (await host.processes.isAlive(recorded))) return recorded;
  return adoptable(context, signal);
}

async function adoptable(context: MachineContext, signal: AbortSignal): Promise<ProcessIdentity | undefined> {
  const { host, id } = context;
  const bytes = await host.files.readBytes(machineFiles(context).pidFile, { length: 32 });
  const text = Buffer.from(bytes ?? [])
    .toString()
    .trim();
  const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (pid <= 1) return undefined;
  const found = await host.processes.identify(pid);
  if (found === undefined) return undefined;
  // A pid file outlives its process, and pids are reused: only the arguments tell whose process this is.
  const ps = ["-ww", "-o", "args=", "-p", String(pid)];
  const { stdout } = await host.run("ps", ps, { signal, allowFailure: true, maxBytes: 64 * 1024 });
  const args = stdout.trim().split(/\s+/);
  const isOurs = args[args.indexOf("-U") + 1] === id && args[args.indexOf("-F") + 1] === "hyperkit.pid";
  // Identified again: the pid may have changed hands while ps ran.
  return isOurs && (await host.processes.isAlive(found)) ? found : undefined;
}
