import type { StartRequest } from "../api.js";
import type { Machine } from "../contract/machine.js";
import { MkError } from "../errors.js";
import { type ConsoleReading, consoleOf } from "../readiness/console-of.js";
import { bootMachine } from "./boot-machine.js";
import type { Call } from "./call.js";
import { checkRequest } from "./check-request.js";
import { deleteMachine, forgetMachine } from "./delete-machine.js";
import type { Engine } from "./engine.js";
import { askMachine, assertUsable, inspectMachine, withoutSecrets } from "./inspect-machine.js";
import { lockMachine } from "./lock-machine.js";
import { type MachineSession, openSession } from "./machine-session.js";
import { reconcileMachine } from "./reconcile-machine.js";
import { runOnMachine } from "./run-on-machine.js";
import { startMachine } from "./start-machine.js";
import { stopMachine } from "./stop-machine.js";
import { absent, readConfig, requireConfig } from "./stored-machine.js";
import { sweepLeftovers } from "./sweep-leftovers.js";
import { syncClock } from "./sync-clock.js";

export async function start(engine: Engine, name: string, request: StartRequest, call: Call): Promise<void> {
  checkRequest(request);
  await startMachine(engine, name, request, call);
}

/** Works on a full disk, as a machine that filled it must be stopped before its disk can be tended to. */
export async function stop(engine: Engine, name: string, call: Call, force = false): Promise<void> {
  await evenOnFullDisk(engine, () =>
    withMachine(engine, name, "stop", call, (session) => stopMachine(engine, session, call, force)),
  );
}

export async function restart(engine: Engine, name: string, call: Call): Promise<void> {
  await withMachine(engine, name, "restart", call, async (session) => {
    await stopMachine(engine, session, call);
    await bootMachine(engine, session, call);
  });
}

export async function pause(engine: Engine, name: string, call: Call): Promise<void> {
  await withMachine(engine, name, "pause", call, async (session) => {
    const suspension = suspensionOf(session, "pause");
    await runOnMachine(engine, session, "pause", call, async (op) => {
      const status = await inspectMachine(session, op.signal);
      if (status.state === "paused") return;
      await assertRunning(session, op.signal);
      await op.step("driver", "pausing the machine", () => suspension.pause(op));
      op.emit({ type: "machine.state", state: "paused" });
    });
  });
}

export async function resume(engine: Engine, name: string, call: Call): Promise<void> {
  await withMachine(engine, name, "resume", call, async (session) => {
    const suspension = suspensionOf(session, "resume");
    await runOnMachine(engine, session, "resume", call, async (op) => {
      const status = await inspectMachine(session, op.signal);
      if (status.state !== "paused") return await assertRunning(session, op.signal);
      await op.step("driver", "resuming the machine", () => suspension.resume(op));
      await syncClock(engine, session, op, "resumed");
      op.emit({ type: "machine.state", state: "running" });
    });
  });
}

/**
 * Deletes the machine; with `forget` also one whose config or driver is gone, of which then only mk's own files are removed. Works on a full
 * disk.
 */
export async function remove(engine: Engine, name: string, call: Call, forget = false): Promise<void> {
  await evenOnFullDisk(engine, () => removeLocked(engine, name, call, forget));
}

async function removeLocked(engine: Engine, name: string, call: Call, forget: boolean): Promise<void> {
  await using lock = await lockMachine(engine, name, "delete", call.signal);
  void lock;
  const stored = await engine.store.read(name);
  if (stored.kind === "absent") {
    await engine.store.remove(name);
    await sweepLeftovers(engine);
    throw absent(name);
  }
  try {
    const config = await requireConfig(engine, name);
    if (config === undefined) throw absent(name);
    await using session = await openSession(engine, config, call.signal);
    await deleteMachine(engine, session, call);
  } catch (error) {
    call.signal.throwIfAborted();
    if (!forget || MkError.is(error, "MACHINE_ABSENT") || MkError.is(error, "NO_SPACE")) throw error;
    await forgetMachine(engine, name, call, error);
  }
}

/** Console bytes of the last start; then, if they are followed, live until the signal aborts. */
export async function* readConsole(
  engine: Engine,
  name: string,
  signal: AbortSignal,
  reading: ConsoleReading,
): AsyncGenerator<Uint8Array> {
  await using session = await openSession(engine, await readConfig(engine, name), signal);
  try {
    yield* consoleOf(engine, session, signal, reading);
  } catch (error) {
    throw withoutSecrets(session, error);
  }
}

/** MACHINE_NOT_RUNNING, or what else stands against using the machine now. */
export async function assertRunning(session: MachineSession, signal: AbortSignal): Promise<void> {
  const status = await askMachine(session, signal);
  if (status.state === "running") return;
  assertUsable(session.name, status);
  throw new MkError("MACHINE_NOT_RUNNING", `machine ${JSON.stringify(session.name)} is ${status.state}`, {
    hint: `Start it with \`mk start -p ${session.name}\`.`,
    details: { state: status.state },
  });
}

/** Where the disk is full, `work` has the reserve for its lock and its intent; what of it is free afterwards is kept again. */
async function evenOnFullDisk(engine: Engine, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!MkError.is(error, "NO_SPACE")) throw error;
    await engine.reserve.spend();
    try {
      await work();
    } finally {
      await engine.reserve.fill();
    }
  }
}

/** Opens the machine under its lock, after whatever a killed command left was settled. */
async function withMachine<T>(
  engine: Engine,
  name: string,
  command: string,
  call: Call,
  work: (session: MachineSession) => Promise<T>,
): Promise<T> {
  await using lock = await lockMachine(engine, name, command, call.signal);
  void lock;
  const config = await requireConfig(engine, name);
  const found = config === undefined ? undefined : await reconcileMachine(engine, config, call);
  if (found === undefined) throw absent(name);
  await using session = found.session;
  if (found.recreation !== undefined) throw halfMadeAnew(name);
  return await work(session);
}

function halfMadeAnew(name: string): MkError {
  return new MkError(
    "MACHINE_BROKEN",
    `machine ${JSON.stringify(name)} was being made anew when that was interrupted`,
    {
      hint: `Go on with \`mk start -p ${name}\`, or remove it with \`mk delete -p ${name}\`.`,
    },
  );
}

function suspensionOf({ machine, driver }: MachineSession, what: string): NonNullable<Machine["suspension"]> {
  if (machine.suspension !== undefined) return machine.suspension;
  throw new MkError("NOT_SUPPORTED", `driver ${driver.name} cannot ${what} machines`, {
    hint: "Use `mk stop` and `mk start` instead.",
  });
}
