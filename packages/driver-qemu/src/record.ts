import { isProcessIdentity, type MachineContext, type ProcessIdentity } from "@mk/core";
import type { Accelerator } from "./accelerator.js";
import type { RunPlace } from "./monitor-address.js";

/** A TCP port of the host that QEMU forwards to the guest. */
export interface Forward {
  readonly host: string;
  readonly port: number;
  readonly guestPort: number;
}

/** The QEMU process of the last start. Written before the process exists, completed once it does. */
export interface QemuRun extends RunPlace {
  readonly binary: string;
  readonly version: string;
  readonly accelerator: Accelerator;
  readonly process?: ProcessIdentity;
  readonly forwards: readonly Forward[];
}

/** What QEMU cannot be asked for later. Its presence says that the machine's creation was finished. */
export interface QemuRecord {
  readonly version: 1;
  /** Versioned, from the first start on: a newer QEMU must not change the machine's hardware. */
  readonly machineType?: string;
  readonly run?: QemuRun;
}

/**
 * The machine's record; undefined when none was written. A record that cannot be read back counts as an empty one: all in it is either
 * proved against the live process or chosen anew.
 */
export async function readRecord(context: MachineContext): Promise<QemuRecord | undefined> {
  const raw = await context.record.read();
  if (raw === undefined || raw === null) return undefined;
  const { machineType, run } = typeof raw === "object" ? (raw as Partial<Record<keyof QemuRecord, unknown>>) : {};
  return {
    version: 1,
    ...(typeof machineType === "string" && { machineType }),
    ...(isRun(run) && { run }),
  };
}

function isRun(value: unknown): value is QemuRun {
  if (typeof value !== "object" || value === null) return false;
  const run = value as Record<string, unknown>;
  const texts = [run.binary, run.version, run.accelerator, run.directory];
  if (!texts.every((text) => typeof text === "string")) return false;
  if (!Array.isArray(run.forwards) || !run.forwards.every(isForward)) return false;
  if (run.monitorPorts !== undefined && !isMonitorPorts(run.monitorPorts)) return false;
  return run.process === undefined || isProcessIdentity(run.process);
}

function isMonitorPorts(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { commands, queries } = value as Record<string, unknown>;
  return Number.isInteger(commands) && Number.isInteger(queries);
}

function isForward(value: unknown): value is Forward {
  if (typeof value !== "object" || value === null) return false;
  const { host, port, guestPort } = value as Record<string, unknown>;
  return typeof host === "string" && Number.isInteger(port) && Number.isInteger(guestPort);
}
