import { MkError } from "@mk/core";
import type { Bench } from "./bench.js";

/** Follows the console until the guest says that it is ready; machines without a console count as ready at once. */
export async function untilReady(bench: Bench, signal: AbortSignal): Promise<void> {
  const machine = await bench.handle();
  if (machine.console === undefined) return;
  const done = new AbortController();
  let text = "";
  for await (const bytes of machine.console.read(AbortSignal.any([signal, done.signal]))) {
    text = (text + Buffer.from(bytes).toString("latin1")).slice(-64 * 1024);
    if (/^mk-guest: ready /m.test(text)) done.abort();
  }
  if (done.signal.aborted) return;
  throw new MkError("TIMED_OUT", `the guest of ${bench.spec.name} did not become ready: ${text.slice(-400)}`, {
    hint: "Read the console's last lines above.",
  });
}
