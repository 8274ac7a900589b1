import { getActiveResourcesInfo } from "node:process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { timeLimit } from "./time-limit.js";

afterEach(() => void vi.useRealTimers());

/** Timers that keep this process alive. */
const timers = (): number => getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("a time limit", () => {
  it("aborts its signal when the time has passed", async () => {
    vi.useFakeTimers();
    using limit = timeLimit(4_000);
    await vi.advanceTimersByTimeAsync(3_999);
    expect(limit.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(limit.signal.reason).toMatchObject({ name: "TimeoutError" });
  });

  it("may be longer than the longest delay of a timer, and without end", async () => {
    vi.useFakeTimers();
    using limit = timeLimit(2 ** 31);
    using endless = timeLimit(Number.POSITIVE_INFINITY);
    await vi.advanceTimersByTimeAsync(2 ** 31 - 1);
    expect(limit.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([limit.signal.aborted, endless.signal.aborted]).toEqual([true, false]);
  });

  it("keeps the process alive until it is disposed", () => {
    const before = timers();
    {
      using limit = timeLimit(60_000);
      expect([timers(), limit.signal.aborted]).toEqual([before + 1, false]);
    }
    expect(timers()).toBe(before);
  });
});
