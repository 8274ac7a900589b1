import type { Operation } from "../contract/operation.js";
import type { MachineState, MachineStatus } from "../contract/status.js";
import { MkError } from "../errors.js";
import { engineProxies } from "../identity/engine-proxies.js";
import { askGuest } from "../readiness/ask-guest.js";
import { waitForGuest } from "../readiness/wait-for-guest.js";
import { waitForShell } from "../readiness/wait-for-shell.js";
import type { Call } from "./call.js";
import { certifyEngine } from "./certify-engine.js";
import { checkReachable } from "./check-reachable.js";
import type { Engine } from "./engine.js";
import { ifTold } from "./if-told.js";
import { assertUsable, inspectMachine } from "./inspect-machine.js";
import type { MachineSession } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";
import { runOnMachine } from "./run-on-machine.js";
import { syncClock } from "./sync-clock.js";

/** What mk's guest leaves for whoever asks later, once it has said that it is ready, and when it goes down. */
const READY = ["test", "-e", "/run/mk/engine", "-a", "!", "-e", "/run/mk/stopping"];
const STOPPING = ["test", "-e", "/run/mk/stopping"];

/** Brings an existing machine to `running` with its guest ready, from whatever state it is in. Called under the machine's lock. */
export async function bootMachine(engine: Engine, session: MachineSession, call: Call): Promise<void> {
  await runOnMachine(engine, session, "start", call, async (op) => {
    const { intent, name } = session;
    let status = await op.step("inspect", "reading the machine's state", () => settled(session, op));
    assertUsable(name, status);
    const interrupted = (await intent.read())?.operation;
    // By a stop that was cut off the guest may have been told to go down, or not.
    const wasStopping = interrupted === "stop";
    if (!isOn(status)) await powerOn(engine, session, op, status);
    if ((await waitUntilReady(engine, session, op, status.state, wasStopping)) === "off") {
      status = { state: "stopped" };
      await powerOn(engine, session, op, status);
      await waitUntilReady(engine, session, op, status.state);
    }

    if (isOn(status)) {
      // It drifts, and stood still while the host slept; no host can tell how far it is behind.
      await syncClock(engine, session, op, "running");
      // Nobody was told that it is ready: it counts as just booted.
      if (interrupted === "start") await certifyEngine(engine, session, op);
      if (interrupted !== undefined) await intent.resolve();
      return;
    }
    if (status.state !== "stopped") await syncClock(engine, session, op, "resumed");
    // Only after a boot: the engine begins anew for it, and then there are no containers yet but those that it starts again by itself.
    else await certifyEngine(engine, session, op);
    await op.step("resolve", "finishing", () => intent.resolve());
    op.emit({ type: "machine.state", state: "running" });
  });
}

function isOn({ state }: MachineStatus): boolean {
  return state === "running" || state === "starting";
}

/** Starts a machine that is off, saved or paused. */
async function powerOn(
  engine: Engine,
  session: MachineSession,
  op: CoreOperation,
  status: MachineStatus,
): Promise<void> {
  const { machine, intent, driver } = session;
  await op.step("intent", "noting what is about to be done", () => intent.declare("start"));
  if (status.state === "paused") {
    return await op.step("resume", "resuming the machine", () => resumeMachine(session, status, op));
  }
  if (status.state === "stopped") {
    noteUnreachableProxies(engine, session, op);
    // Registered before the driver acts: the power must be off again whenever the start did not come to its end. What comes back from a
    // pause or from disk has unwritten data in its memory: there the power stays.
    op.undo((undo) =>
      undo.step("power-off", "cutting the power", () => powerOff(session, undo.signal, () => machine.kill(undo))),
    );
  }
  await op.step("driver", `powering on with ${driver.name}`, () => machine.start(op));
}

/** What the seed leaves out, by the names of the variables alone: their values may hold passwords. */
function noteUnreachableProxies(engine: Engine, session: MachineSession, op: CoreOperation): void {
  if (session.driver.traits.image === "none") return;
  for (const variable of engineProxies(engine.host.env).unreachable) {
    op.log(`${variable} is not passed on to the machine: it names no address that a machine can reach`, { variable });
  }
}

/** A machine on its way down is brought down: a start must not race its power-off. */
async function settled(session: MachineSession, op: CoreOperation): Promise<MachineStatus> {
  const status = await inspectMachine(session, op.signal);
  if (status.state !== "stopping") return status;
  await op.step("power-off", "cutting the power", () => session.machine.kill(op));
  return await inspectMachine(session, op.signal);
}

async function powerOff(session: MachineSession, signal: AbortSignal, kill: () => Promise<void>): Promise<void> {
  const { state } = await inspectMachine(session, signal).catch((error: unknown): MachineStatus => {
    // It may be on, and to cut its power may be allowed all the same.
    if (MkError.is(error, "PERMISSION_DENIED")) return { state: "unknown", reason: error.message };
    throw error;
  });
  if (state !== "absent" && state !== "stopped" && state !== "saved") await kill();
  await session.intent.resolve();
}

async function resumeMachine(
  { machine, name, driver }: MachineSession,
  status: MachineStatus,
  op: CoreOperation,
): Promise<void> {
  if (machine.suspension === undefined) {
    throw new MkError(
      "NOT_SUPPORTED",
      `machine ${JSON.stringify(name)} is paused and driver ${driver.name} cannot resume it`,
      {
        hint: `Stop it with \`mk stop -p ${name}\`, then start it.`,
      },
    );
  }
  try {
    await machine.suspension.resume(op);
  } catch (cause) {
    if (status.state !== "paused" || status.reason === undefined || op.signal.aborted) throw cause;
    // An error with a code of its own, as PORT_IN_USE, says better than the reason what is to be done.
    if (MkError.is(cause) && cause.code !== "DRIVER_FAILED") throw cause;
    throw new MkError(
      "MACHINE_BROKEN",
      `machine ${JSON.stringify(name)} is paused and cannot go on: ${status.reason}`,
      {
        hint: "Remove the reason, for example free some space, then start it again.",
        cause,
      },
    );
  }
}

async function waitUntilReady(
  engine: Engine,
  session: MachineSession,
  op: CoreOperation,
  from: MachineState,
  wasStopping = false,
): Promise<"ready" | "off"> {
  const { machine } = session;
  // The console has what was written since the last start, also by a guest that was paused meanwhile, and even if it was before its first
  // instruction; one that comes back from disk goes on where it was. A guest that is not ours writes no markers.
  const writesMarkers = session.driver.traits.image !== "none" && from !== "saved";
  if (machine.console === undefined || !writesMarkers) {
    await waitForShell(engine, session, op);
    return "ready";
  }
  const isReady = (ask: Operation): Promise<boolean> => askGuest(engine, session, READY, ask);
  const isStopping = async (): Promise<boolean> =>
    (await ifTold(op, "whether its guest is on its way down", (ask) => askGuest(engine, session, STOPPING, ask))) ===
    true;
  const outcome = await waitForGuest(
    {
      name: session.name,
      machine,
      console: machine.console,
      isReady,
      hasRun: from !== "stopped",
      ...(wasStopping && { isStopping }),
    },
    op,
  );
  if (outcome === "ready") await checkReachable(engine, session, op);
  return outcome;
}
