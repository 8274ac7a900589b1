import { raceAbort } from "../abort/race-abort.js";
import { timeLimit } from "../abort/time-limit.js";
import type { Operation } from "../contract/operation.js";
import type { MachineState, MachineStatus } from "../contract/status.js";
import { MkError, messageOf } from "../errors.js";
import type { Engine } from "./engine.js";
import { machineLockOwner } from "./lock-machine.js";
import type { MachineSession } from "./machine-session.js";
import { quietOperation } from "./operation.js";

/** A healthy driver answers in milliseconds; one that hangs must not hold up `mk list` for more than 5 s. */
export const INSPECT_MS = 4_000;
const ANSWER_MS = 30_000;

/**
 * The machine's real state, as its driver answers. MACHINE_UNRESPONSIVE when it does not in time; else what the driver throws: what keeps
 * it from working it says best itself.
 */
export async function askMachine(session: MachineSession, signal: AbortSignal): Promise<MachineStatus> {
  const status = await answer(session, INSPECT_MS, signal, (op) => session.machine.inspect(op));
  if (isStatus(status)) return session.redact(status);
  const { driver, name } = session;
  throw new MkError("DRIVER_FAILED", `driver ${driver.name} answers with no state of machine ${JSON.stringify(name)}`);
}

const STATES: Readonly<Record<MachineState, true>> = {
  absent: true,
  stopped: true,
  starting: true,
  running: true,
  stopping: true,
  saved: true,
  paused: true,
  broken: true,
  unknown: true,
};

/** A driver without types may answer anything. */
function isStatus(status: MachineStatus | undefined | null): status is MachineStatus {
  return Object.hasOwn(STATES, String(status?.state));
}

/**
 * Asks the driver of a running machine one thing outside of any operation. MACHINE_UNRESPONSIVE when it does not answer in time, generously:
 * an address may have to come from a lease first.
 */
export async function askDriver<T>(
  session: MachineSession,
  signal: AbortSignal,
  question: (op: Operation) => Promise<T>,
): Promise<T> {
  return await answer(session, ANSWER_MS, signal, question);
}

async function answer<T>(
  session: MachineSession,
  limitMs: number,
  signal: AbortSignal,
  question: (op: Operation) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  using limit = timeLimit(limitMs);
  const either = AbortSignal.any([signal, limit.signal]);
  try {
    return await raceAbort(question(quietOperation(either)), either);
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.signal.aborted) throw withoutSecrets(session, error);
    throw unresponsive(session.name, silence(session.driver.name, limitMs));
  }
}

/** What a driver threw, as an MkError. */
export function withoutSecrets({ redact, driver }: MachineSession, error: unknown): unknown {
  if (MkError.is(error)) return redact(error);
  return redact(new MkError("DRIVER_FAILED", `driver ${driver.name} failed: ${messageOf(error)}`, { cause: error }));
}

/**
 * The machine's real state. A driver that fails or hangs gives `unknown` with the reason; only its PERMISSION_DENIED is thrown, since the
 * machine may be well and no force helps against that.
 */
export async function inspectMachine(session: MachineSession, signal: AbortSignal): Promise<MachineStatus> {
  try {
    return await askMachine(session, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (MkError.is(error, "PERMISSION_DENIED")) throw error;
    if (MkError.is(error, "MACHINE_UNRESPONSIVE") && typeof error.details?.reason === "string") {
      return { state: "unknown", reason: error.details.reason };
    }
    return { state: "unknown", reason: messageOf(error) };
  }
}

/** What is known of a machine whose driver hangs. */
export function silence(driver: string, limitMs: number): string {
  return `driver ${driver} did not answer within ${limitMs / 1000} s`;
}

/** As {@link inspectMachine}, told for people: what another mk is doing to the machine, or was when it was killed. */
export async function describeMachine(
  engine: Engine,
  session: MachineSession,
  signal: AbortSignal,
): Promise<MachineStatus> {
  const [status, intent] = await Promise.all([inspectMachine(session, signal), session.intent.read()]);
  if (intent === undefined || status.state === "unknown") return status;
  const owner = await machineLockOwner(engine, session.name);
  const off = status.state === "absent" || status.state === "stopped" || status.state === "saved";
  switch (intent.operation) {
    case "create":
      if (owner !== undefined) return off ? { state: "starting" } : status;
      return { state: "broken", reason: "its creation was interrupted; `mk start` begins anew" };
    case "recreate":
      if (owner !== undefined) return off ? { state: "starting" } : status;
      return { state: "broken", reason: "it was being made anew when that was interrupted; `mk start` goes on" };
    case "delete":
      if (owner !== undefined) return { state: "stopping" };
      return { state: "broken", reason: "its deletion was interrupted; `mk delete` finishes it" };
    case "start":
      return owner !== undefined && off ? { state: "starting" } : status;
    case "stop":
    case "reconfigure":
      return status;
    default:
      intent.operation satisfies never;
      return status;
  }
}

/** Throws what stands against working with a machine in this state, if anything does. */
export function assertUsable(name: string, status: MachineStatus): void {
  const machine = `machine ${JSON.stringify(name)}`;
  switch (status.state) {
    case "unknown":
      throw unresponsive(name, status.reason);
    case "broken":
      throw new MkError("MACHINE_BROKEN", `${machine} is broken: ${status.reason}`, {
        hint: `Repair what the message names, boot it anew with \`mk stop -p ${name}\` and \`mk start -p ${name}\`, or remove it with \`mk delete -p ${name}\`.`,
        details: { reason: status.reason },
      });
    case "absent":
      throw new MkError("MACHINE_ABSENT", `${machine} was removed behind mk's back`, {
        hint: `Remove what is left of it with \`mk delete -p ${name}\`, then start it anew.`,
      });
    case "stopped":
    case "starting":
    case "running":
    case "stopping":
    case "saved":
    case "paused":
      return;
    default:
      status satisfies never;
  }
}

function unresponsive(name: string, reason: string): MkError {
  return new MkError("MACHINE_UNRESPONSIVE", `machine ${JSON.stringify(name)} does not answer: ${reason}`, {
    hint: `Cut its power with \`mk stop --force -p ${name}\`, or repair its driver.`,
    details: { reason },
  });
}
