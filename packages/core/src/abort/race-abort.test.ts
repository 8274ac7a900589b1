import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { raceAbort } from "./race-abort.js";

const never = new AbortController().signal;
const hangs = (): Promise<never> => new Promise(() => undefined);

describe("a race with an abort", () => {
  it("settles as the promise does", async () => {
    expect(await raceAbort(Promise.resolve(1), never)).toBe(1);
    const error = new Error("no");
    await expect(raceAbort(Promise.reject(error), never)).rejects.toBe(error);
  });

  it("takes a plain value, as a driver without types may answer", async () => {
    expect(await raceAbort(undefined, never)).toBe(undefined);
  });

  it("rejects with the reason as it is when the signal aborts", async () => {
    const controller = new AbortController();
    const raced = raceAbort(hangs(), controller.signal);
    controller.abort("enough");
    await expect(raced).rejects.toBe("enough");
  });

  it("leaves no rejection unhandled, whether the signal aborts before or after", async () => {
    const unhandled: unknown[] = [];
    const hear = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", hear);
    try {
      const controller = new AbortController();
      const failures = [1, 2].map((_) => {
        let fail = (): void => undefined;
        const promise = new Promise<never>((_resolve, reject) => {
          fail = () => reject(new Error("late"));
        });
        return { promise, fail };
      });
      const [before, after] = failures;
      const first = raceAbort(before!.promise, controller.signal);
      controller.abort("enough");
      await expect(first).rejects.toBe("enough");
      await expect(raceAbort(after!.promise, controller.signal)).rejects.toBe("enough");
      for (const { fail } of failures) fail();
      await setImmediate();
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", hear);
    }
  });

  describe("with grace", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it("gives the promise that long to settle by itself", async () => {
      const controller = new AbortController();
      const willing = new Promise((resolve) => setTimeout(resolve, 900, "done"));
      const raced = [willing, hangs()].map((promise) => raceAbort(promise, controller.signal, 1_000));
      const settled = Promise.allSettled(raced);
      controller.abort("enough");
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await settled).toEqual([
        { status: "fulfilled", value: "done" },
        { status: "rejected", reason: "enough" },
      ]);
    });
  });
});
