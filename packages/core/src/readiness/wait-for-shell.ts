import type { Engine } from "../lifecycle/engine.js";
import type { MachineSession } from "../lifecycle/machine-session.js";
import type { CoreOperation } from "../lifecycle/operation.js";
import { askGuest } from "./ask-guest.js";

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/**
 * Waits until a command runs in the machine. For guests that write no markers: the one place where mk polls, with a back-off that doubles,
 * since each attempt costs a slow guest a process.
 */
export async function waitForShell(engine: Engine, session: MachineSession, op: CoreOperation): Promise<void> {
  await op.step("ssh", "waiting for a shell", async () => {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
      if (await askGuest(engine, session, ["true"], op)) return;
      await engine.host.delay(delayMs, op.signal);
    }
  });
}
