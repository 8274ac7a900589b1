import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createEventLog } from "../events/event-log.js";
import type { Engine } from "./engine.js";
import { runOnMachine } from "./run-on-machine.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A start that makes no progress. */
function stuck(timeoutMs?: number) {
  const engine = { events: createEventLog() } as unknown as Engine;
  const subject = { name: "one", driver: undefined, redact: <T>(value: T) => value };
  const call = { signal: new AbortController().signal, timeoutMs };
  let error: unknown;
  runOnMachine(engine, subject, "start", call, ({ signal }) => {
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }).catch((thrown: unknown) => {
    error = thrown;
  });
  return () => error;
}

describe("an operation on a machine that makes no progress", () => {
  it("ends by its own limit, and says how to give it more", async () => {
    const error = stuck();
    await vi.advanceTimersByTimeAsync(180_000);
    expect(error()).toMatchObject({
      code: "TIMED_OUT",
      message: 'the start of machine "one" made no progress for 180 s',
      hint: "Look at the machine's log with `mk logs -p one`, or give it more time with --timeout.",
    });
  });

  it("is waited for as long as its caller gives it", async () => {
    const error = stuck(1_200_000);
    await vi.advanceTimersByTimeAsync(1_199_999);
    expect(error()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(error()).toMatchObject({ code: "TIMED_OUT" });
  });

  it("does not end before its own limit when its caller gives it less for the whole", async () => {
    const error = stuck(1_000);
    await vi.advanceTimersByTimeAsync(179_999);
    expect(error()).toBeUndefined();
  });
});
