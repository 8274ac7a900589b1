import { join } from "node:path";
import { machineSource } from "../events/event-log.js";
import { failpoint } from "../failpoints/failpoint.js";
import { acquireLock, type LockOwner, lockOwner } from "../store/lock.js";
import type { Engine } from "./engine.js";

const MACHINE_WAIT_MS = 5_000;
/** Another machine's creation with a driver that takes one at a time: as long as creations take. */
const DRIVER_WAIT_MS = 10 * 60_000;

/** Takes the machine's lock. MACHINE_BUSY naming the holder after 5 s. */
export async function lockMachine(
  engine: Engine,
  name: string,
  command: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  return await take(engine, name, machineLockPath(engine, name), `mk ${command} ${name}`, MACHINE_WAIT_MS, signal);
}

/** Takes the lock of a driver that cannot work on two machines at once. MACHINE_BUSY naming the holder after 10 min. */
export async function lockDriver(
  engine: Engine,
  driver: string,
  machine: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  // A dot is in no machine's name, so this is no machine's lock.
  const path = join(engine.home.locks, `driver.${driver}.lock`);
  return await take(engine, machine, path, `mk create ${machine}`, DRIVER_WAIT_MS, signal);
}

/** Who works on the machine now, proved alive. */
export async function machineLockOwner(engine: Engine, name: string): Promise<LockOwner | undefined> {
  return await lockOwner(machineLockPath(engine, name), engine.host.processes);
}

function machineLockPath(engine: Engine, name: string): string {
  engine.home.machine(name);
  return join(engine.home.locks, `${name}.lock`);
}

async function take(
  engine: Engine,
  machine: string,
  path: string,
  command: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  await engine.home.ensure();
  await failpoint("lock.acquire:before", signal);
  const lock = await acquireLock(path, {
    processes: engine.host.processes,
    command,
    waitMs,
    signal,
    onWait: (owner) =>
      engine.events.emit(machineSource(machine), {
        type: "note",
        level: "info",
        message: `waiting for ${owner.command} (pid ${owner.process.pid})`,
      }),
  });
  try {
    await failpoint("lock.acquire:after", signal);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return { [Symbol.asyncDispose]: () => lock.release() };
}
