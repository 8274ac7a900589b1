import { uptime } from "node:os";

/** The two clocks are read one after the other, and the uptime is rounded; a nap as short as this puts no guest's clock wrong. */
const LEAST_MS = 2_000;

/**
 * How long this computer has slept since its boot: on Linux its uptime counts sleep and the monotonic clock does not (clock_gettime(2):
 * CLOCK_BOOTTIME and CLOCK_MONOTONIC). 0 where the two have nothing to do with each other, as in a container with an uptime of its own.
 * Undefined elsewhere: there Node has no clock that stands still meanwhile (libuv reads mach_continuous_time on macOS,
 * QueryPerformanceCounter on Windows).
 */
export function sleptMs(platform: NodeJS.Platform): number | undefined {
  if (platform !== "linux") return undefined;
  const awakeMs = Number(process.hrtime.bigint() / 1_000_000n);
  const slept = uptime() * 1000 - awakeMs;
  return slept < LEAST_MS ? 0 : Math.round(slept);
}
