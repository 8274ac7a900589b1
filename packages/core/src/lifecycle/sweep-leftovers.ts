import { MkError } from "../errors.js";
import { sweepLocks } from "../store/sweep-locks.js";
import type { Engine } from "./engine.js";
import { lockMachine } from "./lock-machine.js";

/** Removes what commands that were killed left behind and nothing will ever look at. Needs no lock. */
export async function sweepLeftovers({ store, home, host }: Engine): Promise<void> {
  await store.sweep();
  await sweepLocks(home.locks, host.processes);
}

/** The same, and the directory of a machine that a killed command had not begun to describe. For names that read as absent. */
export async function sweepAbsent(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  await sweepLeftovers(engine);
  if (!(await engine.store.names()).includes(name)) return;
  try {
    await using lock = await lockMachine(engine, name, "delete", signal);
    void lock;
    if ((await engine.store.read(name)).kind === "absent") await engine.store.remove(name);
  } catch (error) {
    // Somebody is making the machine right now.
    if (!MkError.is(error, "MACHINE_BUSY")) throw error;
  }
}
