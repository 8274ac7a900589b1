import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Machine } from "../contract/machine.js";
import type { EventData } from "../events/event.js";
import { runOperation } from "../lifecycle/operation.js";
import { waitForGuest } from "./wait-for-guest.js";

const TORN = "mk-guest: rea[   12.3] docker0: port 1 entered blocking state\r\ndy uptime=12.3\r\n";

/** A machine that ran when it was started. */
interface Running {
  /** When it is off by itself; never by default. */
  readonly offAfterMs?: number;
  readonly isStopping?: () => Promise<boolean>;
  /** What its guest writes again and again. */
  readonly goesOn?: { readonly everyMs: number; readonly text: string };
}

/** A start whose console says this and then nothing; `asked` are the seconds at which the guest was asked whether it is ready. */
function start(
  said: string,
  isReady: () => Promise<boolean>,
  running?: Running,
  emit: (event: EventData) => void = () => {},
) {
  const begunAt = Date.now();
  const asked: number[] = [];
  const { offAfterMs = Number.POSITIVE_INFINITY, isStopping, goesOn } = running ?? {};
  const state = () => (Date.now() - begunAt < offAfterMs ? "running" : "stopped");
  const machine = { inspect: async () => ({ state: state() }) } as unknown as Machine;
  async function* read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield Buffer.from(said);
    while (goesOn !== undefined && !signal.aborted && state() === "running") {
      await new Promise((resolve) => setTimeout(resolve, goesOn.everyMs));
      yield Buffer.from(goesOn.text);
    }
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  const ask = async (): Promise<boolean> => {
    asked.push((Date.now() - begunAt) / 1000);
    return await isReady();
  };
  const init = {
    name: "start",
    what: 'start of machine "mk"',
    signal: new AbortController().signal,
    limits: { idleMs: 180_000 },
    emit,
  } as const;
  const ended = runOperation(init, (op) =>
    waitForGuest(
      {
        name: "box",
        machine,
        console: { read },
        isReady: ask,
        hasRun: running !== undefined,
        ...(isStopping !== undefined && { isStopping }),
      },
      op,
    ),
  ).catch((error: unknown) => (error as { code?: string }).code);
  return { ended, asked };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a fresh start", () => {
  it("asks the guest itself when it is silent for long behind its SSH server: its `ready` may be torn", async () => {
    const { ended, asked } = start(`mk-guest: ssh uptime=5.1\r\n${TORN}`, async () => true);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await ended).toBe("ready");
    expect(asked).toEqual([30]);
  });

  it("asks ever more seldom, since a guest that starts slowly has better to do than to answer", async () => {
    const { ended, asked } = start("mk-guest: ssh uptime=5.1\r\n", async () => false);
    await vi.advanceTimersByTimeAsync(180_000);
    expect(await ended).toBe("TIMED_OUT");
    expect(asked).toEqual([30, 60, 120]);
  });

  it("never asks a guest that has not started its SSH server", async () => {
    const { ended, asked } = start("mk-guest: boot uptime=1.0\r\n", async () => true);
    await vi.advanceTimersByTimeAsync(180_000);
    expect(await ended).toBe("TIMED_OUT");
    expect(asked).toEqual([]);
  });
});

it("tells of a data disk that could not be grown", async () => {
  const told: unknown[] = [];
  const marker = 'mk-guest: data uptime=4.2 formatted=no grown=failed reason="run e2fsck first"\r\n';
  const { ended } = start(
    `${marker}mk-guest: ready uptime=9.1\r\n`,
    async () => true,
    undefined,
    (event) => told.push(event),
  );
  await vi.advanceTimersByTimeAsync(0);
  expect(await ended).toBe("ready");
  expect(told).toContainEqual(
    expect.objectContaining({
      type: "note",
      level: "warning",
      message: "the data disk keeps its old size (run e2fsck first)",
    }),
  );
});

describe("a start of a machine that runs", () => {
  it("asks the guest as soon as its console has no more to say", async () => {
    const { ended, asked } = start("", async () => true, {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await ended).toBe("ready");
    expect(asked).toEqual([0.25]);
  });

  const BOOTED = "mk-guest: init uptime=0.5\r\nmk-guest: ssh uptime=5.1\r\nmk-guest: ready uptime=9.0\r\n";
  const GOES_DOWN = "mk-guest: shutdown uptime=60.0\r\ndocker0: port 1 entered disabled state\r\n";
  const no = async (): Promise<boolean> => false;

  it("is through when its guest has said nothing since it was ready, or nothing that matters", async () => {
    for (const said of [BOOTED, `${BOOTED}mk-guest: failed uptime=70.0 service=dockerd\r\n`]) {
      const { ended, asked } = start(said, no, {});
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await ended).toBe("ready");
      expect(asked).toEqual([]);
    }
  });

  it("waits until a guest on its way down is off", async () => {
    const { ended, asked } = start(`${BOOTED}${GOES_DOWN}`, no, { offAfterMs: 20_000 });
    await vi.advanceTimersByTimeAsync(25_000);
    expect(await ended).toBe("off");
    expect(asked).toEqual([]);
  });

  it("waits until a guest that rebooted is ready again", async () => {
    const { ended } = start(`${BOOTED}${GOES_DOWN}${BOOTED}`, no, {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await ended).toBe("ready");
  });

  it("waits for a guest that was reset without a word, and hears what fails in its new boot", async () => {
    const again = "mk-guest: init uptime=0.5\r\n";
    const slow = start(`${BOOTED}${again}`, no, {});
    let isOver = false;
    void slow.ended.then(() => {
      isOver = true;
    });
    const broken = start(`${BOOTED}${again}mk-guest: failed uptime=2.0 service=data\r\n`, no, {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(isOver).toBe(false);
    expect(await broken.ended).toBe("GUEST_FAILED");
  });

  it.each<[title: string, expected: string, running: Running]>([
    ["says so a second later", "off", { offAfterMs: 20_000, goesOn: { everyMs: 1_000, text: GOES_DOWN } }],
    ["says so when it is asked", "off", { offAfterMs: 20_000, isStopping: async () => true }],
    ["goes without a word", "off", { offAfterMs: 2_000 }],
    ["stays", "ready", {}],
  ])(
    "does not believe a guest at once that may have been told to go down: one that %s",
    async (_what, expected, running) => {
      const { ended } = start(BOOTED, no, { isStopping: no, ...running });
      await vi.advanceTimersByTimeAsync(25_000);
      expect(await ended).toBe(expected);
    },
  );

  it("is not held up by a guest that never stops writing", async () => {
    const { ended } = start(BOOTED, no, { goesOn: { everyMs: 10, text: "tick\r\n" } });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await ended).toBe("ready");
  });
});
