import { raceAbort } from "../abort/race-abort.js";
import type { MachineStatus } from "../contract/status.js";
import { MkError, messageOf } from "../errors.js";
import type { Call } from "./call.js";
import { createDeadline } from "./deadline.js";
import type { Engine } from "./engine.js";
import { assertUsable, inspectMachine } from "./inspect-machine.js";
import type { MachineSession } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";
import { runOnMachine } from "./run-on-machine.js";

/** The guest gets this long to shut down before its power is cut. */
const SHUTDOWN_MS = 60_000;
const GRACE_MS = 5_000;

/**
 * Powers the machine off: asks the guest first unless `force`, cuts the power when it does not obey, and proves by inspection that the
 * machine is off. Succeeds when it is off already. A machine whose hypervisor does not answer is left alone unless `force`, with
 * MACHINE_UNRESPONSIVE: it may be well, and its data in memory. Called under the machine's lock.
 */
export async function stopMachine(engine: Engine, session: MachineSession, call: Call, force = false): Promise<void> {
  await runOnMachine(engine, session, "stop", call, async (op) => {
    const { machine, intent, name } = session;
    const status = await op.step("inspect", "reading the machine's state", () => inspectMachine(session, op.signal));
    if (status.state === "absent" || !force) assertReachable(name, status);
    if (status.state !== "stopped" && status.state !== "saved") {
      await op.step("intent", "noting what is about to be done", () => intent.declare("stop"));
      const off = !force && (await wake(session, status, op)) && (await shutDown(session, op));
      if (!off) await op.step("kill", "cutting the power", () => machine.kill(op));
      await op.step("verify", "checking that it is off", () => assertOff(session, op));
    }
    await op.step("resolve", "finishing", () => intent.resolve());
    op.emit({ type: "machine.state", state: status.state === "saved" ? "saved" : "stopped" });
  });
}

/** MACHINE_ABSENT, or MACHINE_UNRESPONSIVE when it is not known whether the machine runs. One that is broken can be switched off. */
function assertReachable(name: string, status: MachineStatus): void {
  if (status.state !== "broken") assertUsable(name, status);
}

/** Whether the guest can be asked: it runs, or goes on from where somebody paused it. One that hangs or is half up cannot. */
async function wake({ machine }: MachineSession, status: MachineStatus, op: CoreOperation): Promise<boolean> {
  if (status.state !== "paused") return status.state === "running";
  // With a reason it was not the user who paused it, and it would be paused again at once.
  const { suspension } = machine;
  if (suspension === undefined || status.reason !== undefined) return false;
  return await attempt(op, "the machine could not be resumed", () =>
    op.step("resume", "resuming the machine", () => suspension.resume(op)),
  );
}

/** Whether the guest shut down by itself in time. MACHINE_UNRESPONSIVE when the hypervisor does not even say whether it runs. */
async function shutDown(session: MachineSession, op: CoreOperation): Promise<boolean> {
  const { machine, name } = session;
  using deadline = createDeadline(`shutdown of machine ${JSON.stringify(name)}`, { idleMs: SHUTDOWN_MS });
  const signal = AbortSignal.any([op.signal, deadline.signal]);
  const isOff = await attempt(op, "the guest did not shut down", () =>
    op.step("shutdown", "asking the guest to shut down", () =>
      raceAbort(machine.stop({ ...op, signal }), signal, GRACE_MS),
    ),
  );
  if (!isOff) assertReachable(name, await inspectMachine(session, op.signal));
  return isOff;
}

/** Whether `work` succeeded; the user is told when it did not. */
async function attempt(op: CoreOperation, failure: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    op.signal.throwIfAborted();
    op.emit({ type: "note", level: "warning", message: `${failure}: ${messageOf(error)}` });
    return false;
  }
}

async function assertOff(session: MachineSession, op: CoreOperation): Promise<void> {
  const { state } = await inspectMachine(session, op.signal);
  if (state === "stopped" || state === "absent") return;
  throw new MkError("DRIVER_FAILED", `machine ${JSON.stringify(session.name)} is ${state} after its power was cut`, {
    hint: "Run the command again; if it fails again, look at the driver's own tools.",
    details: { state, driver: session.driver.name },
  });
}
