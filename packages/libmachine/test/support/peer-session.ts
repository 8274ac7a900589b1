import type { PluginLine } from "../../src/host/plugin-process.js";
import { PluginSession } from "../../src/host/plugin-session.js";
import { newBaseConfig } from "../../src/protocol/base-config.js";

export interface PeerOptions {
  readonly path: string;
  /** PEER_* variables by which the plugin misbehaves. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onLine?: PluginLine;
  readonly heartbeatMs?: number;
  /** Where the pretend machine's state is. */
  readonly store?: string;
}

/** A session with the Go peer, configured for machine `m1`. */
export async function peerSession(options: PeerOptions): Promise<PluginSession> {
  const signal = options.signal ?? AbortSignal.timeout(60_000);
  const session = await PluginSession.open(
    { name: "peer", path: options.path },
    {
      signal,
      env: { ...process.env, ...options.env },
      platform: process.platform,
      ...(options.onLine !== undefined && { onLine: options.onLine }),
      ...(options.heartbeatMs !== undefined && { heartbeatMs: options.heartbeatMs }),
    },
  );
  try {
    await session.setConfig(JSON.stringify(newBaseConfig("m1", options.store ?? "/nonexistent")), signal);
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

/** Whether a process lives; one that waits to be reaped does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const { readFile } = await import("node:fs/promises");
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat !== undefined && stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
}
