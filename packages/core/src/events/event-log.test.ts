import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { EventData, MkEvent } from "./event.js";
import { createEventLog } from "./event-log.js";

const note = (message: string): EventData => ({ type: "note", level: "info", message });
const messages = async (events: AsyncIterable<MkEvent>): Promise<readonly unknown[]> => {
  const found: unknown[] = [];
  for await (const { data } of events) found.push("message" in data ? data.message : data.type);
  return found;
};

describe("the event log", () => {
  it("gives CloudEvents", () => {
    const events: MkEvent[] = [];
    createEventLog((event) => events.push(event)).emit("mk:///machines/one", note("hello"));
    expect(events).toEqual([
      {
        specversion: "1.0",
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        source: "mk:///machines/one",
        type: "dev.mk.note.v1",
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        datacontenttype: "application/json",
        data: { type: "note", level: "info", message: "hello" },
      },
    ]);
  });

  it("replays to each reader from the first and goes on live", async () => {
    const log = createEventLog();
    log.emit("a", note("1"));
    const early = messages(log.read());
    const ofA = messages(log.read({ source: "a" }));
    log.emit("b", note("2"));
    log.emit("a", note("3"));
    log.close();
    expect(await early).toEqual(["1", "2", "3"]);
    expect(await ofA).toEqual(["1", "3"]);
    expect(await messages(log.read())).toEqual(["1", "2", "3"]);
  });

  it("keeps no more than its capacity and says what a reader missed", async () => {
    const log = createEventLog(undefined, 3);
    for (const text of ["1", "2", "3", "4", "5"]) log.emit("a", note(text));
    log.close();
    expect(await messages(log.read())).toEqual(["events were dropped since nobody read them in time", "3", "4", "5"]);
  });

  it("emits whatever its listener throws, which the program hears of as an uncaught exception", async () => {
    const uncaught = new Promise<unknown>((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
    try {
      const fault = new Error("a fault of the listener");
      const log = createEventLog(() => {
        throw fault;
      });
      log.emit("a", note("1"));
      log.close();
      expect(await messages(log.read())).toEqual(["1"]);
      expect(await uncaught).toBe(fault);
    } finally {
      process.setUncaughtExceptionCaptureCallback(null);
    }
  });

  it("ends a reader by its signal, once it has what was told before", async () => {
    const log = createEventLog();
    const controller = new AbortController();
    const reading = messages(log.read({ signal: controller.signal }));
    await setImmediate();
    log.emit("a", note("1"));
    log.emit("a", note("2"));
    controller.abort();
    expect(await reading).toEqual(["1", "2"]);
  });
});
