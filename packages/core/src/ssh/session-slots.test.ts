import { describe, expect, test } from "vitest";
import { SessionSlots } from "./session-slots.js";

const never = new AbortController().signal;

describe("a session that the server refused", () => {
  test("is tried again when another one has ended, each in turn", async () => {
    const slots = new SessionSlots();
    const open = slots.take();
    const order: string[] = [];
    const wait = async (name: string): Promise<void> => {
      if (await slots.take().refused(never)) order.push(name);
    };
    const first = wait("first");
    const second = wait("second");
    const other = slots.take();
    open.free();
    await first;
    expect(order).toEqual(["first"]);
    other.free();
    await second;
    expect(order).toEqual(["first", "second"]);
  });

  test("is tried again at once when another one has ended since it was asked for", async () => {
    const slots = new SessionSlots();
    const open = slots.take();
    const asked = slots.take();
    open.free();
    expect(await asked.refused(never)).toBe(true);
  });

  test("is not tried again when there was no other one", async () => {
    expect(await new SessionSlots().take().refused(never)).toBe(false);
  });

  test("leaves its turn to the next when its caller has gone", async () => {
    const slots = new SessionSlots();
    const open = slots.take();
    const abort = new AbortController();
    const gone = slots.take().refused(abort.signal);
    const next = slots.take().refused(never);
    // The turn has come, and in the same moment the caller goes.
    abort.abort(new Error("enough"));
    open.free();
    await expect(gone).rejects.toThrow("enough");
    expect(await next).toBe(true);
  });

  test("counts an end once, however often it is told", async () => {
    const slots = new SessionSlots();
    const ended = slots.take();
    ended.free();
    ended.free();
    expect(await slots.take().refused(never)).toBe(false);
  });
});
