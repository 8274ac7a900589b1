import { MkError } from "../errors.js";
import type { Engine } from "../lifecycle/engine.js";
import type { MachineSession } from "../lifecycle/machine-session.js";
import type { CoreOperation } from "../lifecycle/operation.js";
import { createTransport } from "../ssh/create-transport.js";

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/**
 * Waits until a command runs in the machine. For guests that write no markers: the one place where mk polls, with a back-off that doubles,
 * since each attempt costs a slow guest a process. A host key that changed ends the wait at once; a machine that has no shell is not waited for.
 */
export async function waitForShell(engine: Engine, session: MachineSession, op: CoreOperation): Promise<void> {
  await op.step("ssh", "waiting for a shell", async () => {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
      try {
        const access = await session.machine.access(op);
        await using transport = createTransport(engine.host, access, { machine: session });
        const { exitCode } = await transport.exec(["true"], { signal: op.signal });
        if (exitCode === 0) return;
      } catch (error) {
        op.signal.throwIfAborted();
        // Nothing to wait for: docker-machine's `none` is an address alone.
        if (MkError.is(error, "NOT_SUPPORTED")) return;
        if (MkError.is(error, "HOST_KEY_CHANGED") || MkError.is(error, "COMMAND_NOT_FOUND")) throw error;
        op.log("the machine's shell does not answer yet", {
          reason: error instanceof Error ? error.message : String(error),
        });
      }
      await engine.host.delay(delayMs, op.signal);
    }
  });
}
