import { afterEach, describe, expect, it, vi } from "vitest";
import { MkError } from "../errors.js";
import type { EventData } from "../events/event.js";
import { type CoreOperation, runOperation } from "./operation.js";

const never = new AbortController().signal;

async function run(
  work: (op: CoreOperation) => Promise<unknown>,
  { signal = never, idleMs = 60_000 }: { readonly signal?: AbortSignal; readonly idleMs?: number } = {},
): Promise<{ readonly events: readonly EventData[]; readonly error: unknown }> {
  const events: EventData[] = [];
  const error = await runOperation(
    {
      name: "start",
      what: 'start of machine "one"',
      hint: "Wait longer.",
      driver: "fake",
      signal,
      limits: { idleMs },
      emit: (data) => events.push(data),
    },
    work,
  ).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { events, error };
}

const types = (events: readonly EventData[]): readonly string[] =>
  events.map((event) => ("step" in event ? `${event.type} ${event.step}` : event.type));

afterEach(() => void vi.useRealTimers());

describe("an operation", () => {
  it("tells its begin, its steps with their parents, and its end with phases", async () => {
    const { events } = await run((op) =>
      op.step("outer", "doing", () =>
        op.step("inner", "doing a part", async (report) => report({ done: 1, total: 1 })),
      ),
    );
    expect(types(events)).toEqual([
      "operation.started",
      "step.started outer",
      "step.started inner",
      "step.progress inner",
      "step.finished inner",
      "step.finished outer",
      "operation.finished",
    ]);
    expect(events[2]).toMatchObject({ parent: "outer" });
    expect(events.at(-1)).toMatchObject({ phases: [{ step: "outer", title: "doing" }] });
  });

  it("knows the parent of steps that run at once", async () => {
    const { events } = await run((op) =>
      Promise.all([
        op.step("a", "a", () => op.step("a-child", "a", async () => undefined)),
        op.step("b", "b", () => op.step("b-child", "b", async () => undefined)),
      ]),
    );
    const parents = events.flatMap((event) => (event.type === "step.started" ? [[event.step, event.parent]] : []));
    expect(Object.fromEntries(parents)).toEqual({ a: undefined, b: undefined, "a-child": "a", "b-child": "b" });
  });

  it("undoes the newest first, each with an operation that is not aborted, and goes on when one fails", async () => {
    const controller = new AbortController();
    const undone: string[] = [];
    const { events, error } = await run(
      async (op) => {
        op.undo(async () => void undone.push("first"));
        op.undo(() => Promise.reject(new Error("cannot undo")));
        op.undo(async ({ signal }) => void undone.push(`last ${signal.aborted}`));
        controller.abort();
        await op.step("never", "never", async () => undefined);
      },
      { signal: controller.signal },
    );
    expect(undone).toEqual(["last false", "first"]);
    expect(error).toMatchObject({ code: "CANCELLED" });
    expect(types(events)).toEqual(["operation.started", "undo.started", "note", "undo.finished", "operation.failed"]);
  });

  it("undoes nothing when it succeeds", async () => {
    const { error } = await run(async (op) => op.undo(() => Promise.reject(new Error("must not run"))));
    expect(error).toBeUndefined();
  });

  const aborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("whatever"))));

  it("ends by its deadline and names the step it was at", async () => {
    const { error } = await run((op) => op.step("slow", "waiting for Godot", () => aborted(op.signal)), { idleMs: 20 });
    expect(error).toMatchObject({ code: "TIMED_OUT", details: { step: "waiting for Godot" } });
    expect(error).toMatchObject({
      message: 'the start of machine "one" made no progress for 0.02 s (it was at: waiting for Godot)',
      hint: "Wait longer.",
    });
  });

  it("ends as cancelled whatever the driver makes of the abort", async () => {
    const controller = new AbortController();
    const { error } = await run(
      (op) =>
        op.step("slow", "waiting for Godot", () => {
          setImmediate(() => controller.abort());
          return aborted(op.signal);
        }),
      { signal: controller.signal },
    );
    expect(error).toMatchObject({
      code: "CANCELLED",
      cause: { message: "whatever" },
      details: { step: "waiting for Godot" },
    });
  });

  it("has what was thrown as the cause of the abort's reason", async () => {
    const controller = new AbortController();
    const work = (op: CoreOperation) =>
      op.step("slow", "waiting for Godot", () => {
        setImmediate(() => controller.abort(new MkError("TIMED_OUT", "it took too long", { hint: "Wait longer." })));
        return aborted(op.signal);
      });
    const { error } = await run(work, { signal: controller.signal });
    expect(error).toMatchObject({
      code: "TIMED_OUT",
      message: "it took too long while: waiting for Godot",
      hint: "Wait longer.",
      cause: { message: "whatever" },
    });
  });

  it("ends even when the driver listens to nothing", async () => {
    const { error } = await run((op) => op.step("deaf", "being deaf", () => new Promise(() => undefined)), {
      idleMs: 20,
    });
    expect(error).toMatchObject({ code: "TIMED_OUT", details: { step: "being deaf" } });
  });

  it("is not ended by its deadline while it makes progress", async () => {
    vi.useFakeTimers();
    const { error } = await run(
      (op) =>
        op.step("long", "working", async (report) => {
          for (let done = 0; done < 20; done++) {
            await vi.advanceTimersByTimeAsync(100);
            report({ done });
          }
        }),
      { idleMs: 150 },
    );
    expect(error).toBeUndefined();
  });

  it.each([
    [
      "a foreign error",
      new Error("boom"),
      { code: "DRIVER_FAILED", message: 'the start of machine "one" failed in driver fake: boom' },
    ],
    ["what is no error at all", "boom", { code: "DRIVER_FAILED" }],
    ["an MkError", new MkError("PORT_IN_USE", "port 1 is taken"), { code: "PORT_IN_USE", message: "port 1 is taken" }],
  ])("maps %s once", async (_title, thrown, expected) => {
    const { error, events } = await run((op) => op.step("x", "x", () => Promise.reject(thrown)));
    expect(MkError.is(error)).toBe(true);
    expect(error).toMatchObject(expected);
    expect(events.at(-1)).toMatchObject({ type: "operation.failed", error: { code: expected.code } });
  });

  it("keeps progress events to ten a second, the last one always", async () => {
    const { events } = await run((op) =>
      op.step("download", "downloading", async (report) => {
        for (let done = 0; done <= 10_000; done++) report({ done, total: 10_000, unit: "bytes" });
      }),
    );
    const progress = events.filter((event) => event.type === "step.progress");
    expect(progress.length).toBeLessThan(50);
    expect(progress.at(-1)).toMatchObject({ progress: { done: 10_000 } });
  });
});
