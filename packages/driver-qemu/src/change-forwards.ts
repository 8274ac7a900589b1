import type { Host, PortSpec } from "@mk/core";
import { addForward, removeForward, STANDARD_PORTS } from "./ports.js";
import type { QmpConnection } from "./qmp.js";
import type { Forward } from "./record.js";

/** Makes the forwards of a running machine those that are asked for; SSH's and the engine's stay. Answers what there is then. */
export async function changeForwards(
  host: Host,
  qmp: QmpConnection,
  specs: readonly PortSpec[],
  current: readonly Forward[],
  signal: AbortSignal,
): Promise<readonly Forward[]> {
  const kept: Forward[] = [];
  for (const forward of current) {
    const isWanted = specs.some((spec) => serves(forward, spec));
    if (isWanted || STANDARD_PORTS.includes(forward.guestPort)) kept.push(forward);
    else await removeForward(qmp, forward, signal);
  }
  for (const spec of specs) {
    if (!kept.some((forward) => serves(forward, spec))) kept.push(await addForward(host, qmp, spec, signal));
  }
  return kept;
}

function serves(forward: Forward, spec: PortSpec): boolean {
  return (
    forward.guestPort === spec.guestPort &&
    forward.host === spec.hostAddress &&
    (spec.hostPort === 0 || spec.hostPort === forward.port)
  );
}
