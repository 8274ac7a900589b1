import { MkError, type MkErrorCode, messageOf } from "../errors.js";
import type { Intent } from "../store/intent.js";
import type { MachineConfig } from "../store/machine-config.js";
import type { Call } from "./call.js";
import { deleteMachine } from "./delete-machine.js";
import type { Engine } from "./engine.js";
import { type MachineSession, openSession } from "./machine-session.js";
import { runOnMachine } from "./run-on-machine.js";

/** What keeps a driver from restoring settings for now: a later command does it. */
const PASSING: ReadonlySet<MkErrorCode> = new Set([
  "DRIVER_UNAVAILABLE",
  "MACHINE_UNRESPONSIVE",
  "NO_SPACE",
  "PERMISSION_DENIED",
]);

/** A machine with nothing left half done but, at most, its being made anew. */
export interface Reconciled {
  readonly session: MachineSession;
  /** What it was becoming when that was interrupted. */
  readonly recreation?: Intent;
}

/**
 * Finishes or undoes what a killed command began, as its intent on disk says, and opens the machine. Undefined when nothing is left of
 * it: a creation is undone, since nobody has used that machine, and a deletion is finished. What was being started, stopped or changed
 * still exists: its driver is asked for its state each time, so only settings that may be half applied are applied again, as they were; a
 * driver that cannot is a warning.
 * What was being made anew is left to a start, which goes on with it; so is a start, and a stop, after which it asks whether the guest was told.
 */
export async function reconcileMachine(
  engine: Engine,
  config: MachineConfig,
  call: Call,
): Promise<Reconciled | undefined> {
  const session = await openSession(engine, config, call.signal);
  let reconciled: Reconciled | undefined;
  try {
    reconciled = await settle(engine, session, call);
  } finally {
    if (reconciled === undefined) await session[Symbol.asyncDispose]();
  }
  return reconciled;
}

async function settle(engine: Engine, session: MachineSession, call: Call): Promise<Reconciled | undefined> {
  const intent = await session.intent.read();
  if (intent === undefined) return { session };
  switch (intent.operation) {
    case "recreate":
      return { session, recreation: intent };
    case "create":
    case "delete":
      await deleteMachine(engine, session, call);
      return undefined;
    case "start":
    case "stop":
      return { session };
    case "reconfigure":
      await runOnMachine(engine, session, "reconfigure", call, async (op) => {
        try {
          await op.step("driver", "restoring the machine's settings", async () => session.machine.reconfigure?.(op));
        } catch (error) {
          if (op.signal.aborted || (MkError.is(error) && PASSING.has(error.code))) throw error;
          // Tried once: a driver that always fails here must not stand between the user and the machine's data.
          const message = `settings of an interrupted change could not be taken back: ${messageOf(error)}`;
          op.emit({ type: "note", level: "warning", message });
        }
        await op.step("resolve", "finishing", () => session.intent.resolve());
      });
      return { session };
    default:
      intent.operation satisfies never;
      return { session };
  }
}
