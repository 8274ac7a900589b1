import { timeLimit } from "../abort/time-limit.js";
import { messageOf } from "../errors.js";
import type { Engine } from "./engine.js";
import { ifTold } from "./if-told.js";
import type { MachineSession } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";

/** A guest that is ready accepts within milliseconds; TCP tries again after 1 s when a packet was lost (RFC 6298). */
const CONNECT_LIMIT_MS = 3_000;

/**
 * Warns when this computer does not reach the SSH server of a guest that has said on its console that it is ready: what drops the way to the
 * machine's network, neither the guest nor its driver sees.
 */
export async function checkReachable(engine: Engine, session: MachineSession, op: CoreOperation): Promise<void> {
  const access = await ifTold(op, "how the machine is reached", (ask) => session.machine.access(ask));
  if (access?.via !== "ssh" || isLoopback(access.host)) return;
  const { host, port } = access;
  using limit = timeLimit(CONNECT_LIMIT_MS);
  try {
    const socket = await engine.host.network.connect({ host, port }, AbortSignal.any([op.signal, limit.signal]));
    socket.destroy();
  } catch (error) {
    op.signal.throwIfAborted();
    op.emit({
      type: "note",
      level: "warning",
      message: `this computer does not reach the machine at ${host}:${port}: a VPN or a firewall may drop what is sent there`,
      fields: { reason: messageOf(error) },
    });
  }
}

/** There no VPN and no firewall stands between, and a port that is forwarded accepts whatever the guest does. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
