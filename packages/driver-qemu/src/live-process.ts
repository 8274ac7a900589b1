import type { Host, MachineContext, ProcessIdentity } from "@mk/core";
import { runFiles } from "./machine-files.js";
import { openMonitor } from "./monitor.js";
import { monitorsOf, type RunPlace } from "./monitor-address.js";
import type { QemuRecord } from "./record.js";
import { timeLimit } from "./time-limit.js";

/** For one exchange with a QEMU that may hang: it answers within a millisecond when it is well. */
export const ANSWER_DEADLINE_MS = 3_000;

/**
 * The machine's live QEMU process, proved to be ours; undefined when there is none.
 *
 * The recorded identity is the proof. Where it does not hold, as when mk was killed between spawning QEMU and recording it, the pid file
 * names a candidate, and it is ours if it was started with the machine's UUID.
 */
export async function findProcess(
  context: MachineContext,
  record: QemuRecord | undefined,
  signal: AbortSignal,
): Promise<ProcessIdentity | undefined> {
  const { host } = context;
  const recorded = record?.run?.process;
  if (recorded !== undefined && (await host.processes.isAlive(recorded))) return recorded;
  const place = await runPlace(context, record);
  const bytes = await host.files.readBytes(runFiles(place.directory).pid, { length: 32 });
  const text = Buffer.from(bytes ?? []).toString();
  if (!/^\d{1,10}\s*$/.test(text)) return undefined;
  const pid = Number.parseInt(text, 10);
  if (pid <= 1) return undefined;
  const identity = await host.processes.identify(pid);
  if (identity === undefined || !/qemu-system-/.test(identity.executable)) return undefined;
  return (await isStartedFor(context, pid, place, signal)) ? identity : undefined;
}

/** Where the last run's files are; without a record, where the next run's would be. */
export async function runPlace(context: MachineContext, record: QemuRecord | undefined): Promise<RunPlace> {
  return record?.run ?? { directory: await context.host.runDirectory(context.id) };
}

async function isStartedFor(
  context: MachineContext,
  pid: number,
  place: RunPlace,
  signal: AbortSignal,
): Promise<boolean> {
  const args = await argumentsOf(context.host, pid, signal);
  if (args !== undefined) return args.includes(context.id);
  // No way to see them: the monitor in our own directory can tell, if it answers.
  using limit = timeLimit(context.host, ANSWER_DEADLINE_MS, signal);
  try {
    await using qmp = await openMonitor(context.host, monitorsOf(place).queries, limit.signal);
    const answer = (await qmp.execute("query-uuid", {}, limit.signal)) as { UUID?: unknown };
    return answer.UUID === context.id;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** The arguments a process was started with, as one text; undefined where they cannot be read. */
async function argumentsOf(host: Host, pid: number, signal: AbortSignal): Promise<string | undefined> {
  if (host.platform === "win32") return undefined;
  const ps = await host.which("ps");
  if (ps === undefined) return undefined;
  const result = await host.run(ps, ["-ww", "-o", "args=", "-p", String(pid)], { signal, allowFailure: true });
  return result.exitCode === 0 ? result.stdout : undefined;
}
