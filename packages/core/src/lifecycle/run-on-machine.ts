import { MkError } from "../errors.js";
import type { EventData, OperationName } from "../events/event.js";
import { machineSource } from "../events/event-log.js";
import type { Call } from "./call.js";
import type { Engine } from "./engine.js";
import { outcome } from "./map-error.js";
import { type CoreOperation, runOperation } from "./operation.js";
import type { Redact } from "./redact.js";

/** The machine an operation works on; a session is one. */
export interface Subject {
  readonly name: string;
  readonly driver: { readonly name: string } | undefined;
  readonly redact: Redact;
}

type MachineOperation = Exclude<OperationName, "image-build">;

/** Without any sign of progress. Generous, since disks may be slow; every step, report and guest marker starts it anew. */
const IDLE_MS: Readonly<Record<MachineOperation, number>> = {
  create: 5 * 60_000,
  start: 3 * 60_000,
  stop: 2 * 60_000,
  delete: 2 * 60_000,
  pause: 60_000,
  resume: 60_000,
  reconfigure: 2 * 60_000,
};

/** The steps after which the machine is another one to whoever was connected to it. */
const POWER_STEPS: ReadonlySet<string> = new Set([
  "create.replace",
  "start.driver",
  "start.power-off",
  "stop.shutdown",
  "stop.kill",
  "delete.kill",
  "delete.driver",
  "delete.files",
]);

/** Runs an operation on a machine, its events and errors free of secrets. */
export async function runOnMachine<T>(
  engine: Engine,
  { name, driver, redact }: Subject,
  operation: MachineOperation,
  call: Call,
  work: (op: CoreOperation) => Promise<T>,
): Promise<T> {
  const source = machineSource(name);
  try {
    return await runOperation(
      {
        name: operation,
        what: `${operation} of machine ${JSON.stringify(name)}`,
        hint: hintFor(operation, name),
        ...(driver !== undefined && { driver: driver.name }),
        signal: call.signal,
        // Who gives a call more time than that wants to wait for a machine that is this slow.
        limits: { idleMs: Math.max(IDLE_MS[operation], call.timeoutMs ?? 0) },
        emit(data: EventData) {
          if (data.type === "step.started" && POWER_STEPS.has(`${data.operation}.${data.step}`)) call.onPower?.();
          engine.events.emit(source, redact(data));
        },
        ...(call.onPhase !== undefined && { onPhase: call.onPhase }),
      },
      work,
    );
  } catch (error) {
    throw MkError.is(error) ? outcome(redact(error)) : error;
  }
}

function hintFor(operation: MachineOperation, name: string): string {
  const look = `Look at the machine's log with \`mk logs -p ${name}\``;
  // Their commands take no --timeout.
  if (operation === "pause" || operation === "resume") return `${look}.`;
  return `${look}, or give it more time with --timeout.`;
}
