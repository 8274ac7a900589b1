import { readdir, readFile, readlink } from "node:fs/promises";
import { MkError } from "@mk/core";
import { tcpSockets } from "../rpc/tcp-table.js";
import type { PluginAddress } from "./plugin-address.js";

/**
 * Proves that the plugin itself, or a process of its group, listens at an address: the port is open to all users of the computer, and the line that
 * named it may lie. From /proc/<pid>/fd, proc(5); elsewhere than on Linux nothing is checked.
 *
 * PROTOCOL_ERROR when another process listens there.
 */
export async function assertListenerOwner(
  address: PluginAddress,
  group: number,
  platform: NodeJS.Platform,
): Promise<void> {
  if (platform !== "linux") return;
  const listeners = (await tcpSockets())?.filter(
    ({ localPort, state }) => state === "listening" && localPort === address.port,
  );
  const sockets = new Set(listeners?.map(({ inode }) => `socket:[${inode}]`));
  for (const pid of await membersOf(group)) {
    if (await holdsAny(pid, sockets)) return;
  }
  throw new MkError(
    "PROTOCOL_ERROR",
    `the plugin says that it listens at ${address.host}:${address.port}, but that port is not its own`,
    {
      hint: "Check that the program is a docker-machine driver.",
    },
  );
}

async function membersOf(group: number): Promise<readonly number[]> {
  const others = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const members = await Promise.all(
    others.map(async (pid) => {
      const stat = await readOr(`/proc/${pid}/stat`, "");
      // The process group is the third field behind the name, which may hold anything.
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === group ? [pid] : [];
    }),
  );
  return members.flat();
}

async function holdsAny(pid: number, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.some((target) => sockets.has(target));
}

async function readOr(path: string, otherwise: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => otherwise);
}
