import { MkError } from "../errors.js";
import { machineSource } from "../events/event-log.js";
import type { Engine } from "../lifecycle/engine.js";
import type { MachineSession } from "../lifecycle/machine-session.js";

/** Until the first bytes: an engine may have to be reached over SSH first, and be asked for more than the log. */
const FIRST_MS = 5_000;
/** What there is comes without such a pause. */
const QUIET_MS = 250;
/** A guest that never stops writing is waited for no longer than this in all, or the end of a log that is read slowly would be lost. */
const PATIENCE_MS = 10_000;
/** The same for who follows, to whom nothing is lost. */
const FOLLOW_PATIENCE_MS = 1_000;

export interface ConsoleReading {
  /** Goes on with what is written until the signal aborts. */
  readonly follow?: boolean | undefined;
  /** Called once, when what there was has been read. */
  readonly onCaughtUp?: (() => void) | undefined;
}

/** The console's bytes since the machine's last start; a warning when that may not have been all of them. NOT_SUPPORTED. */
export async function* consoleOf(
  engine: Engine,
  { machine, driver, name }: MachineSession,
  signal: AbortSignal,
  { follow = false, onCaughtUp }: ConsoleReading = {},
): AsyncGenerator<Uint8Array> {
  if (machine.console === undefined) {
    throw new MkError("NOT_SUPPORTED", `machines of driver ${driver.name} have no console`);
  }
  // The contract has no end of "so far": it is where nothing comes for a moment.
  const stop = new AbortController();
  let isCaughtUp = false;
  const catchUp = (missing?: string): void => {
    isCaughtUp = true;
    onCaughtUp?.();
    if (follow) return;
    stop.abort();
    if (missing === undefined) return;
    engine.events.emit(machineSource(name), { type: "note", level: "warning", message: missing });
  };
  let timer = setTimeout(catchUp, FIRST_MS, `the console gave nothing within ${FIRST_MS / 1000} s`);
  let waitedMs = 0;
  let since: number | undefined;
  try {
    for await (const chunk of machine.console.read(AbortSignal.any([signal, stop.signal]))) {
      clearTimeout(timer);
      // Only the waiting counts: whoever takes the bytes may be slow.
      if (since !== undefined) waitedMs += performance.now() - since;
      yield chunk;
      if (isCaughtUp) {
        if (!follow) break;
        continue;
      }
      if (waitedMs >= (follow ? FOLLOW_PATIENCE_MS : PATIENCE_MS)) {
        catchUp(`the console did not come to its end within ${PATIENCE_MS / 1000} s: the newest may be missing`);
        if (!follow) break;
      } else {
        since = performance.now();
        timer = setTimeout(catchUp, QUIET_MS);
      }
    }
    if (!isCaughtUp) catchUp();
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}
