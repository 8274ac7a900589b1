import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDeadline } from "./deadline.js";

describe("a deadline", () => {
  let now: number;
  /** Time that passes while the process runs. */
  const run = (ms: number): void => {
    now += ms;
    vi.advanceTimersByTime(ms);
  };

  beforeEach(() => {
    now = 0;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    vi.spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it("passes when nothing gets on for long, and says what was done then", () => {
    using deadline = createDeadline("start", { idleMs: 10_000 });
    run(9_000);
    deadline.progress("waiting for SSH");
    run(9_000);
    expect(deadline.signal.aborted).toBe(false);
    run(1_000);
    expect(deadline.signal.reason).toMatchObject({ code: "TIMED_OUT", details: { step: "waiting for SSH" } });
  });

  it("passes in total whatever gets on", () => {
    using deadline = createDeadline("start", { idleMs: 10_000, totalMs: 30_000 });
    for (let second = 0; second < 30; second++) {
      run(1_000);
      deadline.progress();
    }
    expect(deadline.signal.reason).toMatchObject({ code: "TIMED_OUT" });
  });

  it("does not count the time in which the process was stopped", () => {
    using deadline = createDeadline("start", { idleMs: 10_000 });
    run(5_000);
    // Ctrl-Z, and fg an hour later: the timer fires at once.
    now += 3_600_000;
    run(5_000);
    expect(deadline.signal.aborted).toBe(false);
    run(10_000);
    expect(deadline.signal.aborted).toBe(true);
  });
});
