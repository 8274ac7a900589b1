import type { StartRequest } from "../api.js";
import type { Driver } from "../contract/driver.js";
import { MkError, messageOf } from "../errors.js";
import type { PhaseTiming } from "../events/event.js";
import { machineSource } from "../events/event-log.js";
import { assertReady } from "../selection/assert-ready.js";
import { type Selection, selectDriver } from "../selection/select-driver.js";
import type { WantedMachine } from "../store/intent.js";
import { bootMachine } from "./boot-machine.js";
import type { Call } from "./call.js";
import { changeConfig } from "./change-config.js";
import { createMachine } from "./create-machine.js";
import { deleteMachine } from "./delete-machine.js";
import type { Engine } from "./engine.js";
import { askMachine, assertUsable } from "./inspect-machine.js";
import { lockMachine } from "./lock-machine.js";
import type { MachineSession } from "./machine-session.js";
import { assertAllowed, planChanges } from "./plan-changes.js";
import { reconcileMachine } from "./reconcile-machine.js";
import { reconfigureMachine } from "./reconfigure-machine.js";
import { stopMachine } from "./stop-machine.js";
import { requireConfig } from "./stored-machine.js";
import { sweepLeftovers } from "./sweep-leftovers.js";
import { likeMachine, statusRequestFor, withRequest } from "./wanted-machine.js";

/** Makes the machine if there is none, gives it the settings asked for, starts it unless it runs, and waits until its guest is ready. */
export async function startMachine(engine: Engine, name: string, request: StartRequest, call: Call): Promise<void> {
  await using lock = await lockMachine(engine, name, "start", call.signal);
  void lock;
  await sweepLeftovers(engine);
  await engine.reserve.fill();
  const config = await requireConfig(engine, name);
  const found = config === undefined ? undefined : await reconcileMachine(engine, config, call);
  if (found === undefined) return await startNew(engine, name, request, call);
  await using existing = found.session;
  // Allowed when it was begun.
  if (found.recreation !== undefined) return await recreate(engine, existing, request, call, found.recreation.wanted);
  await startExisting(engine, existing, request, call);
}

async function startExisting(
  engine: Engine,
  existing: MachineSession,
  request: StartRequest,
  call: Call,
): Promise<void> {
  const { config, driver, machine, name } = existing;
  const status = await askMachine(existing, call.signal);
  if (status.state === "absent" && request.allow === "recreate") return await recreate(engine, existing, request, call);
  assertUsable(name, status);
  const driverName =
    request.driver === undefined ? driver.name : (await engine.registry()).resolve(request.driver).name;
  const running = status.state !== "stopped";
  const plan = planChanges({ config, driver, machine, driverName, request, running });
  assertAllowed(name, plan.changes, request.allow);
  if (plan.changes.some(({ cost }) => cost === "recreate" || cost === "data-loss")) {
    return await recreate(engine, existing, request, call);
  }
  if (plan.changes.length === 0) return await bootMachine(engine, existing, call);
  // What cannot be is refused while the machine still runs.
  const changedConfig = await changeConfig(engine, existing, plan, call);
  // Saved memory comes back with the old hardware only, and holds what the guest has not written to its disk yet.
  if (status.state === "saved") await bootMachine(engine, existing, call);
  if (plan.changes.some(({ cost }) => cost === "restart")) await stopMachine(engine, existing, call);
  await using changed = await reconfigureMachine(engine, existing, changedConfig, call);
  await bootMachine(engine, changed, call);
}

/** Makes the machine anew. What the request leaves out is as it was `before`, or was to be when that was interrupted. */
async function recreate(
  engine: Engine,
  existing: MachineSession,
  request: StartRequest,
  call: Call,
  before: WantedMachine = likeMachine(existing.config),
): Promise<void> {
  const wanted = withRequest(before, request, await engine.registry());
  const { driver } = await chooseDriver(engine, existing.name, wanted, call);
  await using session = await createMachine(engine, existing.name, driver, wanted, call, existing);
  await bootMachine(engine, session, call);
}

async function startNew(engine: Engine, name: string, request: StartRequest, call: Call): Promise<void> {
  const { driver, alternates, automatic } = await chooseDriver(engine, name, request, call);
  const candidates = [driver, ...alternates];
  for (const [index, candidate] of candidates.entries()) {
    const next = candidates[index + 1];
    const ended = new Set<string>();
    const onPhase = (phase: PhaseTiming): void => {
      ended.add(phase.step);
      call.onPhase?.(phase);
    };
    try {
      return await createAndBoot(engine, name, candidate, request, automatic, { ...call, onPhase });
    } catch (error) {
      // The driver had agreed, and the image could not be had: the next would want the same.
      if (ended.has("config") && !ended.has("image")) throw error;
      if (!automatic || next === undefined || !isDriversFault(error, call.signal)) throw error;
      // What could not be rolled back is known by its record alone, which the next creation would overwrite.
      if ((await engine.store.read(name)).kind !== "absent") throw error;
      engine.events.emit(machineSource(name), {
        type: "note",
        level: "warning",
        message: `driver ${candidate.name} failed, trying ${next.name}`,
        fields: { driver: candidate.name, next: next.name, reason: messageOf(error) },
      });
    }
  }
}

/** The driver, known to work here before anything is downloaded, built or written for its machine. */
async function chooseDriver(engine: Engine, name: string, request: WantedMachine, call: Call): Promise<Selection> {
  const { driver: configured } = await engine.userConfig();
  const registry = await engine.registry();
  const asking = { host: engine.host, signal: call.signal };
  const wishes = { requested: request.driver, env: engine.host.env.MK_DRIVER, configured };
  const selection = await selectDriver(registry, wishes, asking);
  const { driver, why, alternates, rejects } = selection;
  engine.events.emit(machineSource(name), {
    type: "driver.selected",
    driver: driver.name,
    why,
    alternates: alternates.map((alternate) => alternate.name),
    rejects,
  });
  // One that brings its own system costs nothing before its own `create`, which says best what is wrong.
  if (!selection.automatic && driver.traits.image !== "none") {
    const machine = await statusRequestFor(engine, driver, request);
    await assertReady(registry, driver, engine.ready, { ...asking, machine });
  }
  return selection;
}

async function createAndBoot(
  engine: Engine,
  name: string,
  driver: Driver,
  request: StartRequest,
  automatic: boolean,
  call: Call,
): Promise<void> {
  await using session = await createMachine(engine, name, driver, request, call);
  try {
    await bootMachine(engine, session, call);
  } catch (error) {
    if (automatic && isDriversFault(error, call.signal)) await unmake(engine, session, call);
    throw error;
  }
}

/**
 * Deletes a machine that nobody chose a driver for and that never ran: it must not bind the next start to that driver. What fails here, the
 * next command does.
 */
async function unmake(engine: Engine, session: MachineSession, call: Call): Promise<void> {
  try {
    await session.intent.declare("delete");
    await deleteMachine(engine, session, { ...call, signal: never() });
  } catch (error) {
    engine.events.emit(machineSource(session.name), {
      type: "note",
      level: "warning",
      message: "the machine that did not start could not be deleted",
      fields: { reason: messageOf(error) },
    });
  }
}

/** Another driver may do better; it cannot help a user who cancelled or asked for what no driver takes. */
function isDriversFault(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted || !MkError.is(error)) return false;
  return !["CANCELLED", "INVALID_OPTION", "INVALID_ARGUMENT", "IMAGE_ABSENT", "NO_SPACE", "MACHINE_EXISTS"].includes(
    error.code,
  );
}

function never(): AbortSignal {
  return new AbortController().signal;
}
