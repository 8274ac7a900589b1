import { describe, expect, test } from "vitest";
import { type SessionSlot, SessionSlots } from "./session-slots.js";

const never = new AbortController().signal;

function take(slots: SessionSlots): SessionSlot {
  const slot = slots.slot();
  slot.take();
  return slot;
}

describe("a session that the server refused", () => {
  test("is tried again when another one has ended, each in turn", async () => {
    const slots = new SessionSlots();
    const open = take(slots);
    const order: string[] = [];
    const wait = async (name: string): Promise<void> => {
      if (await take(slots).refused(never)) order.push(name);
    };
    const first = wait("first");
    const second = wait("second");
    const other = take(slots);
    open.free();
    await first;
    expect(order).toEqual(["first"]);
    other.free();
    await second;
    expect(order).toEqual(["first", "second"]);
  });

  test("is tried again at once when another one has ended since it was asked for", async () => {
    const slots = new SessionSlots();
    const open = take(slots);
    const asked = take(slots);
    open.free();
    expect(await asked.refused(never)).toBe(true);
  });

  test("is tried again a few times when there is no other one, since a server may be late to free the last", async () => {
    const slot = new SessionSlots().slot();
    const answers: boolean[] = [];
    for (let tries = 0; tries < 4; tries++) {
      slot.take();
      answers.push(await slot.refused(never));
    }
    expect(answers).toEqual([true, true, true, false]);
  });

  test("leaves its turn to the next when its caller has gone", async () => {
    const slots = new SessionSlots();
    const open = take(slots);
    const abort = new AbortController();
    const gone = take(slots).refused(abort.signal);
    const next = take(slots).refused(never);
    // The turn has come, and in the same moment the caller goes.
    abort.abort(new Error("enough"));
    open.free();
    await expect(gone).rejects.toThrow("enough");
    expect(await next).toBe(true);
  });

  test("counts an end once, however often it is told", async () => {
    const slots = new SessionSlots();
    const ended = take(slots);
    const open = take(slots);
    ended.free();
    ended.free();
    let isTried = false;
    const tried = take(slots)
      .refused(never)
      .then(() => {
        isTried = true;
      });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isTried).toBe(false);
    open.free();
    await tried;
  });
});
