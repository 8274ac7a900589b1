import { uptime } from "node:os";

/** The two clocks are read one after the other, and the uptime is rounded; a nap as short as this puts no guest's clock wrong. */
const LEAST_MS = 2_000;

/**
 * How long this computer has slept since its boot: its uptime counts sleep, the monotonic clock does not (clock_gettime(2): CLOCK_BOOTTIME and
 * CLOCK_MONOTONIC; mach_absolute_time). 0 where the two have nothing to do with each other, as in a container with an uptime of its own.
 */
export function sleptMs(): number {
  const awakeMs = Number(process.hrtime.bigint() / 1_000_000n);
  const slept = uptime() * 1000 - awakeMs;
  return slept < LEAST_MS ? 0 : Math.round(slept);
}
