import { MkError, type MkErrorCode } from "@mk/core";
import { expect } from "vitest";
import type { Bench } from "../bench.js";
import { type Subject, type Suite, suiteOf } from "../contract-test.js";
import { FALLIBLE_CALLS, type HostCall, WAITING_CALLS } from "../disturbed-host.js";
import type { Outcome } from "../operation.js";
import { type Act, PRECONDITION, perform } from "./cancellation.js";
import { untilAborted } from "./status.js";

/**
 * Every call that the driver makes to its host fails once, hangs once, and is where the user presses Ctrl-C once: the loop
 * ends when an operation ran through without meeting its fault.
 */
export const faults: Suite = (subject) =>
  subject.mode === "live"
    ? []
    : suiteOf("faults", {
        "leaves the machine absent, and nothing else behind, whichever call fails in create": () =>
          whicheverFails(subject, "create", expectAbsentOrWhole),
        "can be removed, whichever call fails in start": () => whicheverFails(subject, "start", expectRemovable),
        "can be removed, whichever call fails in stop": () => whicheverFails(subject, "stop", expectRemovable),
        "can be removed, whichever call fails in remove": () => whicheverFails(subject, "remove", expectRemovable),
        "fails with an error that has a code and a hint, whichever call fails": async () => {
          for (const act of ["create", "start", "stop", "kill", "remove"] as const) {
            await whicheverFails(subject, act, async (_, { result }) => {
              if (!result.ok) expectMkError(result.error);
            });
          }
        },
        "leaves the machine absent, whichever call create is aborted in": () =>
          whicheverAborts(subject, "create", expectAbsentOrWhole),
        "rejects with the signal's reason, whichever call hangs": async () => {
          for (const act of ["create", "start", "stop", "kill", "remove"] as const) await whicheverHangs(subject, act);
        },
        "creates after a create that failed": async () => {
          await whicheverFails(subject, "create", async (bench, { result }) => {
            if (result.ok) return;
            const machine = await bench.handle();
            await bench.call((op) => machine.create(op));
            expect(["stopped", "running"]).toContain(await bench.state());
          });
        },
      });

type Check = (bench: Bench, outcome: Outcome<void>) => Promise<void>;

const whicheverFails = (subject: Subject, act: Act, check: Check) =>
  sweep(subject, act, FALLIBLE_CALLS, check, (call) => {
    throw injected(call);
  });

const whicheverAborts = (subject: Subject, act: Act, check: Check) =>
  sweep(
    subject,
    act,
    FALLIBLE_CALLS,
    async (bench, outcome) => {
      if (!outcome.result.ok) expect(outcome.result.error).toBe(REASON);
      await check(bench, outcome);
    },
    (_, controller) => controller.abort(REASON),
  );

const whicheverHangs = (subject: Subject, act: Act) =>
  sweep(
    subject,
    act,
    WAITING_CALLS,
    async (_, outcome) => expect(outcome.result).toEqual({ ok: false, error: REASON }),
    (call, controller) => untilAborted(call.signal, () => controller.abort(REASON)),
  );

const REASON = new Error("the user ended the command");

async function sweep(
  subject: Subject,
  act: Act,
  calls: ReadonlySet<string>,
  check: Check,
  fault: (call: HostCall, controller: AbortController) => void | Promise<void>,
): Promise<void> {
  for (let nth = 0; ; nth++) {
    await using bench = await subject.open();
    const machine = await bench.reach(PRECONDITION[act]);
    const controller = new AbortController();
    let seen = 0;
    let met: HostCall | undefined;
    bench.disturb(async (call) => {
      if (!calls.has(call.name) || seen++ !== nth) return;
      met = call;
      await fault(call, controller);
    });
    const outcome = await bench.run(perform(act, machine), { signal: controller.signal });
    bench.disturb(undefined);
    if (met === undefined) return;
    try {
      expect(outcome.undoFailures, "cleanups").toEqual([]);
      await check(bench, outcome);
    } catch (cause) {
      const at = `${act}, call ${nth + 1} (${met.name} of ${met.subject})`;
      throw new Error(`${at}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}

async function expectAbsentOrWhole(bench: Bench, { result }: Outcome<void>): Promise<void> {
  const state = await bench.state();
  if (result.ok) return void expect(["stopped", "running"]).toContain(state);
  expect(state).toBe("absent");
  await bench.closeAll();
  expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
}

async function expectRemovable(bench: Bench): Promise<void> {
  const machine = await bench.handle();
  await bench.call((op) => machine.remove(op));
  expect(await bench.state()).toBe("absent");
  await bench.closeAll();
  expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
}

/** An error as the host itself would throw it. */
function injected({ name, subject }: HostCall): MkError {
  const code: MkErrorCode =
    name === "run"
      ? "COMMAND_FAILED"
      : name === "processes.spawnDaemon"
        ? "COMMAND_NOT_FOUND"
        : name.startsWith("network.")
          ? "NETWORK_FAILED"
          : "NO_SPACE";
  return new MkError(code, `${name} of ${subject} failed (injected)`, { hint: "Remove the injected fault." });
}

function expectMkError(error: unknown): void {
  expect(MkError.is(error), `not an MkError: ${error instanceof Error ? error.stack : String(error)}`).toBe(true);
  const { hint, message } = error as MkError;
  expect(message).toMatch(/\S{3}/);
  expect(hint, `hint of: ${message}`).toMatch(/^[A-Z`].{3,}[^\s]$/s);
}
