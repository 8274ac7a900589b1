import { MkError } from "../errors.js";
import type { MachineSession } from "../lifecycle/machine-session.js";

/** What is written comes within this time of being asked for; then what there was has been read. */
const QUIET_MS = 250;
/** A guest that never stops writing is waited for no longer than this in all. */
const PATIENCE_MS = 1000;

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
  const wait = () => setTimeout(() => stop.abort(), QUIET_MS);
  let timer = wait();
  let since = performance.now();
  let waitedMs = 0;
  try {
    for await (const chunk of machine.console.read(either)) {
      clearTimeout(timer);
      // Only the waiting counts: whoever takes the bytes may be slow.
      waitedMs += performance.now() - since;
      yield chunk;
      if (waitedMs >= PATIENCE_MS) break;
      since = performance.now();
      timer = wait();
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}
