import type { Operation } from "../contract/operation.js";
import { MkError, messageOf } from "../errors.js";
import type { Engine } from "../lifecycle/engine.js";
import type { MachineSession } from "../lifecycle/machine-session.js";
import { createTransport } from "../ssh/create-transport.js";

/**
 * Whether a program succeeds in the machine. A shell that does not answer yet is a no; a machine that has none (docker-machine's `none` is
 * an address alone) is a yes, since there is nothing to wait for. Throws what waiting does not mend: HOST_KEY_CHANGED, COMMAND_NOT_FOUND.
 */
export async function askGuest(
  { host }: Engine,
  session: MachineSession,
  argv: readonly string[],
  op: Operation,
): Promise<boolean> {
  try {
    const access = await session.machine.access(op);
    await using transport = createTransport(host, access, { machine: session });
    const { exitCode } = await transport.exec(argv, { signal: op.signal });
    return exitCode === 0;
  } catch (error) {
    op.signal.throwIfAborted();
    if (MkError.is(error, "NOT_SUPPORTED")) return true;
    if (MkError.is(error, "HOST_KEY_CHANGED") || MkError.is(error, "COMMAND_NOT_FOUND")) throw error;
    op.log("the machine's shell does not answer yet", { reason: messageOf(error) });
    return false;
  }
}
