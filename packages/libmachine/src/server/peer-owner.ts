import type { Socket } from "node:net";
import { tcpSockets } from "../rpc/tcp-table.js";

/**
 * Whether the other end of a loopback connection is a process of this user's, or root's: the port is open to everybody on the computer, the protocol asks for no
 * password, and what it carries can remove machines. Where the system does not tell, everybody is let in, as by every other plugin.
 */
export async function isOfThisUser(socket: Pick<Socket, "localPort" | "remotePort">): Promise<boolean> {
  const uid = process.getuid?.();
  const sockets = await tcpSockets();
  if (uid === undefined || sockets === undefined) return true;
  // Only while it is open: a socket that its process has closed is root's to the kernel.
  return sockets.some(
    (other) =>
      other.state === "established" &&
      other.localPort === socket.remotePort &&
      other.remotePort === socket.localPort &&
      (other.uid === uid || other.uid === 0),
  );
}
