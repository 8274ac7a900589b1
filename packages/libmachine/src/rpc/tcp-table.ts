import { readFile } from "node:fs/promises";

/** A TCP socket of this computer. */
export interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: "listening" | "established" | "other";
  readonly uid: number;
  readonly inode: string;
}

const STATES: Readonly<Record<string, TcpSocket["state"]>> = { "01": "established", "0A": "listening" };

/** All TCP sockets, from /proc/net/tcp and tcp6, proc(5). Undefined where the system has no such table. */
export async function tcpSockets(): Promise<readonly TcpSocket[] | undefined> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => undefined)),
  );
  if (tables[0] === undefined) return undefined;
  return tables.flatMap((table) => (table ?? "").trim().split("\n").slice(1).map(parseRow));
}

// Columns: sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …; addresses are hexadecimal and end with the port.
function parseRow(line: string): TcpSocket {
  const [, local = "", remote = "", state = "", , , , uid, , inode = ""] = line.trim().split(/\s+/);
  return {
    localPort: portOf(local),
    remotePort: portOf(remote),
    state: STATES[state] ?? "other",
    uid: Number(uid),
    inode,
  };
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);
}
