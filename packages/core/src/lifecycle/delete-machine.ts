import type { Driver } from "../contract/driver.js";
import type { MachineState } from "../contract/status.js";
import { messageOf } from "../errors.js";
import type { Call } from "./call.js";
import type { Engine } from "./engine.js";
import { inspectMachine } from "./inspect-machine.js";
import type { MachineSession } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";
import { runOnMachine } from "./run-on-machine.js";
import { sweepLeftovers } from "./sweep-leftovers.js";

/**
 * Removes the machine and everything of it. From when its driver is told to, the next command finishes it; one that fails or is cancelled
 * before leaves the machine as it was, at worst without power. Called under the machine's lock.
 */
export async function deleteMachine(engine: Engine, session: MachineSession, call: Call): Promise<void> {
  await runOnMachine(engine, session, "delete", call, async (op) => {
    const { machine, intent, name, driver } = session;
    const { state } = await op.step("inspect", "reading the machine's state", () => inspectMachine(session, op.signal));
    if (mustBeKilled(driver, state)) {
      await op.step("kill", "cutting the power", () => machine.kill(op));
    }
    await op.step("driver", `removing the machine with ${driver.name}`, async () => {
      await declareRemoval(session, op, () => intent.declare("delete"));
      await machine.remove(op);
    });
    await op.step("files", "removing the machine's files", () => engine.store.remove(name));
    op.emit({ type: "machine.state", state: "absent" });
  });
  await sweepLeftovers(engine);
}

/**
 * Whether the power is cut before the driver is told to remove the machine. Plugins of docker-machine remove what runs, and docker-machine
 * never kills before: with `generic` that would shut down a computer which stays.
 */
export function mustBeKilled(driver: Driver, state: MachineState): boolean {
  return driver.builtin && state !== "absent" && state !== "stopped" && state !== "saved";
}

/** Notes what is about to remove the machine. When that fails or is cancelled, what was noted before holds again: nothing is removed yet. */
export async function declareRemoval(
  { intent }: MachineSession,
  op: CoreOperation,
  declare: () => Promise<void>,
): Promise<void> {
  const before = await intent.read();
  try {
    await op.step("intent", "noting what is about to be done", declare);
    op.signal.throwIfAborted();
  } catch (error) {
    await intent.restore(before);
    throw error;
  }
}

/** Drops mk's own files of a machine whose driver could not remove it, or be asked to. What the driver made may stay behind. */
export async function forgetMachine(engine: Engine, name: string, call: Call, why: unknown): Promise<void> {
  const subject = { name, driver: undefined, redact: <T>(value: T) => value };
  await runOnMachine(engine, subject, "delete", call, async (op) => {
    op.emit({
      type: "note",
      level: "warning",
      message: "the driver did not remove the machine; what it made may still be there",
      fields: { reason: messageOf(why) },
    });
    await op.step("files", "removing the machine's files", () => engine.store.remove(name));
    op.emit({ type: "machine.state", state: "absent" });
  });
  await sweepLeftovers(engine);
}
