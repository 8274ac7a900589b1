import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createEventLog } from "../events/event-log.js";
import type { Engine } from "../lifecycle/engine.js";
import type { MachineSession } from "../lifecycle/machine-session.js";
import { type ConsoleReading, consoleOf } from "./console-of.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Reads the console of a machine that says each text after so many milliseconds and then nothing more, for a minute at most. */
async function read(
  said: readonly (readonly [afterMs: number, text: string])[],
  reading?: ConsoleReading,
  { heedsSignal = true } = {},
) {
  const got = { text: "", warnings: [] as string[] };
  const events = createEventLog(({ data }) => void (data.type === "note" && got.warnings.push(data.message)));
  async function* console(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    for (const [afterMs, text] of said) {
      await Promise.race([aborted, new Promise((resolve) => setTimeout(resolve, afterMs))]);
      if (signal.aborted && heedsSignal) return;
      yield Buffer.from(text);
    }
    await aborted;
  }
  const session = { name: "mk", machine: { console: { read: console } }, driver: { name: "any" } };
  const minute = new AbortController();
  const chunks = consoleOf({ events } as Engine, session as unknown as MachineSession, minute.signal, reading);
  const ended = (async () => {
    for await (const chunk of chunks) got.text += Buffer.from(chunk).toString();
  })();
  await vi.advanceTimersByTimeAsync(60_000);
  minute.abort();
  await ended;
  return got;
}

const endless = Array.from({ length: 1_000 }, () => [100, "."] as const);

it("waits longer for the first bytes than for the next", async () => {
  const slow = [
    [4_000, "a"],
    [200, "b"],
    [300, "c"],
  ] as const;
  expect(await read(slow)).toEqual({ text: "ab", warnings: [] });
});

it("reads a log to its end that comes slowly", async () => {
  const log = Array.from({ length: 40 }, () => [200, "."] as const);
  expect(await read(log)).toEqual({ text: ".".repeat(40), warnings: [] });
});

it("warns when nothing comes", async () => {
  expect(await read([])).toEqual({ text: "", warnings: ["the console gave nothing within 5 s"] });
});

it("warns when it gives up a guest that never stops writing", async () => {
  const { text, warnings } = await read(endless);
  expect(text).toHaveLength(101);
  expect(warnings).toEqual(["the console did not come to its end within 10 s: the newest may be missing"]);
});

it("gives up a guest that never stops writing though the driver goes on reading", async () => {
  expect((await read(endless, {}, { heedsSignal: false })).text).toHaveLength(101);
});

it("tells who follows once that what there was has been read, and goes on", async () => {
  const caughtUp: number[] = [];
  const since = Date.now();
  const reading = { follow: true, onCaughtUp: () => caughtUp.push(Date.now() - since) };
  expect(
    await read(
      [
        [4_000, "a"],
        [300, "b"],
      ],
      reading,
    ),
  ).toEqual({ text: "ab", warnings: [] });
  const { text, warnings } = await read(endless, reading);
  expect(text.length).toBeGreaterThan(500);
  expect(warnings).toEqual([]);
  expect(caughtUp).toEqual([4_250, 60_000 + 1_100]);
});
