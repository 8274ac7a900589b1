import { raceAbort } from "../abort/race-abort.js";
import { timeLimit } from "../abort/time-limit.js";
import type { Driver, StatusRequest } from "../contract/driver.js";
import type { Host } from "../contract/host.js";
import type { DriverStatus } from "../contract/status.js";
import { MkError, messageOf } from "../errors.js";
import type { DriverEntry } from "../registry/entry.js";
import type { Registry } from "../registry/registry.js";

/** What one driver answered when it was asked whether it works here. */
export interface Probe {
  readonly entry: DriverEntry;
  /** Absent when its code could not be loaded. */
  readonly driver?: Driver;
  readonly status: DriverStatus;
}

/** What drivers are asked on, and how long they may take. */
export interface ProbeOptions {
  readonly host: Host;
  readonly signal: AbortSignal;
  /** For each driver alone, load included; default 10 s: a cold accelerator check boots a guest. */
  readonly deadlineMs?: number;
  /** The machine that is to be made; default one of the host's own CPU with all defaults. */
  readonly machine?: StatusRequest<Readonly<Record<string, unknown>>>;
}

/**
 * Loads and asks all given drivers at once, each with a deadline of its own. Never rejects for a driver's sake: one that throws is
 * `unhealthy`, one that does not answer is `unhealthy` with the code `probe-timed-out`. Rejects only when `signal` aborts.
 */
export async function probeDrivers(
  registry: Registry,
  entries: readonly DriverEntry[],
  options: ProbeOptions,
): Promise<readonly Probe[]> {
  return await Promise.all(entries.map((entry) => probeDriver(registry, entry, options)));
}

async function probeDriver(
  registry: Registry,
  entry: DriverEntry,
  { host, signal, deadlineMs = 10_000, machine }: ProbeOptions,
): Promise<Probe> {
  signal.throwIfAborted();
  using limit = timeLimit(deadlineMs);
  const probe = AbortSignal.any([signal, limit.signal]);
  let driver: Driver | undefined;
  try {
    // Raced, not only signalled: a driver that ignores its signal must not hold up all others.
    const asking = registry.load(entry.name, probe).then((loaded) => {
      driver = loaded;
      return loaded.status(host, probe, machine);
    });
    const status = await raceAbort(asking, probe);
    if (!isStatus(status)) throw new MkError("DRIVER_FAILED", "it answers with no status");
    return { entry, ...(driver !== undefined && { driver }), status };
  } catch (cause) {
    signal.throwIfAborted();
    const status = limit.signal.aborted ? timedOut(deadlineMs) : failed(entry, cause);
    return { entry, ...(driver !== undefined && { driver }), status };
  }
}

/** A driver without types may answer anything. */
function isStatus(status: DriverStatus | undefined | null): boolean {
  return ["ready", "missing", "unhealthy", "stopped"].includes(status?.status as string);
}

function timedOut(deadlineMs: number): DriverStatus {
  return {
    status: "unhealthy",
    code: "probe-timed-out",
    reason: `did not answer within ${deadlineMs / 1000} s`,
    fix: "Check that its hypervisor or service answers, or name another driver with --driver.",
  };
}

function failed(entry: DriverEntry, cause: unknown): DriverStatus {
  const hint = MkError.is(cause) ? cause.hint : undefined;
  return {
    status: "unhealthy",
    code: MkError.is(cause, "DRIVER_INVALID") ? "driver-invalid" : "probe-failed",
    reason: messageOf(cause),
    fix: hint ?? `Run mk doctor ${entry.name}`,
  };
}
