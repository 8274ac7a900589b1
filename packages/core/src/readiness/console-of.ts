import { MkError } from "../errors.js";
import type { MachineSession } from "../lifecycle/machine-session.js";

/** What is written comes within this time of being asked for; then what there was has been read. */
const QUIET_MS = 250;

/** The console's bytes since the machine's last start; then, if `follow`, what is written until the signal aborts. NOT_SUPPORTED. */
export async function* consoleOf(
  { machine, driver }: MachineSession,
  signal: AbortSignal,
  follow: boolean,
): AsyncGenerator<Uint8Array> {
  if (machine.console === undefined) {
    throw new MkError("NOT_SUPPORTED", `machines of driver ${driver.name} have no console`);
  }
  if (follow) return yield* machine.console.read(signal);
  // The contract has no end of "so far": it is where nothing comes for a moment.
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let timer = setTimeout(() => stop.abort(), QUIET_MS);
  try {
    for await (const chunk of machine.console.read(either)) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(() => stop.abort(), QUIET_MS);
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}
