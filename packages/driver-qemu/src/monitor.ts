import type { Duplex } from "node:stream";
import { type Host, type MachineStatus, MkError } from "@mk/core";
import { KEY_OWNER, type MonitorAddress } from "./monitor-address.js";
import { QmpConnection } from "./qmp.js";
import { recordPerByte } from "./record-per-byte.js";
import { statusOf } from "./run-state.js";

/** Opens a QMP connection to one of the machine's monitors. It is the caller's to close. */
export async function openMonitor(host: Host, address: MonitorAddress, signal: AbortSignal): Promise<QmpConnection> {
  if ("path" in address) return await QmpConnection.open(await queueAt(host, address, signal), signal);
  const key = /:([0-9a-f]+)\s*$/.exec((await host.files.readText(address.keyFile)) ?? "")?.[1];
  if (key === undefined) {
    throw new MkError("NETWORK_FAILED", `the key of QEMU's monitor, ${address.keyFile}, is gone`, {
      hint: "Stop the machine with --force.",
    });
  }
  const socket = await host.network.connect({ host: "127.0.0.1", port: address.port }, signal);
  return await QmpConnection.open(await withKey(socket, Buffer.from(key, "hex")), signal);
}

/** Between attempts to get into the queue: there is no event for a place in it. */
const QUEUE_POLL_MS = 20;

/** Connects to a socket on which QEMU serves one client and lets two more wait: any other is refused with EAGAIN, and asks again. */
async function queueAt(host: Host, address: { readonly path: string }, signal: AbortSignal): Promise<Duplex> {
  for (;;) {
    try {
      return await host.network.connect(address, signal);
    } catch (error) {
      if (!MkError.is(error) || error.details?.errno !== "EAGAIN") throw error;
      await host.delay(QUEUE_POLL_MS, signal);
    }
  }
}

/** TLS by a pre-shared key: it proves both sides to each other, so there are no certificates to check. */
async function withKey(socket: Duplex, key: Buffer): Promise<Duplex> {
  // Loaded where it is needed: on most systems it never is.
  const { connect } = await import("node:tls");
  const secured = connect({
    socket,
    ciphers: "PSK",
    minVersion: "TLSv1.2",
    pskCallback: () => ({ psk: key, identity: KEY_OWNER }),
    checkServerIdentity: () => undefined,
  });
  return recordPerByte(secured);
}

/** The machine's state as QEMU has it, with the reason of a pause that a disk error caused. */
export async function queryStatus(qmp: QmpConnection, signal: AbortSignal): Promise<MachineStatus> {
  const runState = await queryRunState(qmp, signal);
  return statusOf(runState, runState === "io-error" ? await diskProblem(qmp, signal) : undefined);
}

/** QEMU's own word for it, as `prelaunch`. */
export async function queryRunState(qmp: QmpConnection, signal: AbortSignal): Promise<string> {
  const { status } = (await qmp.execute("query-status", {}, signal)) as { status?: unknown };
  return typeof status === "string" ? status : "";
}

async function diskProblem(qmp: QmpConnection, signal: AbortSignal): Promise<string | undefined> {
  const devices = await qmp.execute("query-block", {}, signal);
  if (!Array.isArray(devices)) return undefined;
  const statuses = devices.map((device: { "io-status"?: unknown }) => device["io-status"]);
  if (statuses.includes("nospace")) return "the host's disk is full";
  return statuses.includes("failed") ? "the host's disk failed" : undefined;
}
