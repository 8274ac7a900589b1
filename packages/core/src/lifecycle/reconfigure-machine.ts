import type { MachineConfig } from "../store/machine-config.js";
import type { Call } from "./call.js";
import type { Engine } from "./engine.js";
import { type MachineSession, sessionOf } from "./machine-session.js";
import { type Redact, redactor } from "./redact.js";
import { runOnMachine } from "./run-on-machine.js";

/** Gives an existing machine other settings; its data stays. Answers the session with the new ones. Called under the machine's lock. */
export async function reconfigureMachine(
  engine: Engine,
  session: MachineSession,
  config: MachineConfig,
  call: Call,
): Promise<MachineSession> {
  const { name, driver } = session;
  const secrets = redactor(driver.options, config.options);
  const redact: Redact = (value) => secrets(session.redact(value));
  return await runOnMachine(engine, { name, driver, redact }, "reconfigure", call, async (op) => {
    const changed = await sessionOf(engine, config, driver, op.signal);
    op.undo(async () => {
      await changed[Symbol.asyncDispose]();
    });
    await op.step("intent", "noting what is about to be done", () => session.intent.declare("reconfigure"));
    op.undo(async (undo) => {
      // Before the driver, which may fail again: then the intent stays, and the next command gives the machine what is stored.
      await engine.store.write(name, session.config);
      await session.machine.reconfigure?.(undo);
      await session.intent.resolve();
    });
    await op.step("driver", "changing the machine's settings", async () => changed.machine.reconfigure?.(op));
    await op.step("save", "saving the machine's settings", () => engine.store.write(name, config));
    await op.step("resolve", "finishing", () => session.intent.resolve());
    return changed;
  });
}
