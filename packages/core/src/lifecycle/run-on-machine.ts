import { MkError } from "../errors.js";
import type { EventData, OperationName } from "../events/event.js";
import { machineSource } from "../events/event-log.js";
import type { Call } from "./call.js";
import type { Engine } from "./engine.js";
import { type CoreOperation, runOperation } from "./operation.js";
import type { Redact } from "./redact.js";

/** The machine an operation works on; a session is one. */
export interface Subject {
  readonly name: string;
  readonly driver: { readonly name: string } | undefined;
  readonly redact: Redact;
}

/** Without any sign of progress. Generous, since disks may be slow; every step, report and guest marker starts it anew. */
const IDLE_MS: Readonly<Record<OperationName, number>> = {
  create: 5 * 60_000,
  start: 3 * 60_000,
  stop: 2 * 60_000,
  restart: 3 * 60_000,
  kill: 60_000,
  delete: 2 * 60_000,
  pause: 60_000,
  resume: 60_000,
  save: 5 * 60_000,
  reconfigure: 2 * 60_000,
  "image-build": 10 * 60_000,
  snapshot: 5 * 60_000,
};

/** Runs an operation on a machine, its events and errors free of secrets. */
export async function runOnMachine<T>(
  engine: Engine,
  { name, driver, redact }: Subject,
  operation: OperationName,
  call: Call,
  work: (op: CoreOperation) => Promise<T>,
): Promise<T> {
  const source = machineSource(name);
  try {
    return await runOperation(
      {
        name: operation,
        machine: name,
        ...(driver !== undefined && { driver: driver.name }),
        signal: call.signal,
        limits: { idleMs: IDLE_MS[operation] },
        emit: (data: EventData) => engine.events.emit(source, redact(data)),
        ...(call.onPhase !== undefined && { onPhase: call.onPhase }),
      },
      work,
    );
  } catch (error) {
    throw MkError.is(error) ? redact(error) : error;
  }
}
