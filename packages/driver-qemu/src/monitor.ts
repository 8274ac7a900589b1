import type { Host, MachineStatus } from "@mk/core";
import { QmpConnection } from "./qmp.js";
import { statusOf } from "./run-state.js";

/** Opens a QMP connection to one of the machine's sockets. It is the caller's to close. */
export async function openMonitor(host: Host, path: string, signal: AbortSignal): Promise<QmpConnection> {
  return await QmpConnection.open(await host.network.connect({ path }, signal), signal);
}

/** The machine's state as QEMU has it, with the reason of a pause that a disk error caused. */
export async function queryStatus(qmp: QmpConnection, signal: AbortSignal): Promise<MachineStatus> {
  const { status } = (await qmp.execute("query-status", {}, signal)) as { status?: unknown };
  const runState = typeof status === "string" ? status : "";
  return statusOf(runState, runState === "io-error" ? await diskProblem(qmp, signal) : undefined);
}

async function diskProblem(qmp: QmpConnection, signal: AbortSignal): Promise<string | undefined> {
  const devices = await qmp.execute("query-block", {}, signal);
  if (!Array.isArray(devices)) return undefined;
  const statuses = devices.map((device: { "io-status"?: unknown }) => device["io-status"]);
  if (statuses.includes("nospace")) return "the host's disk is full";
  return statuses.includes("failed") ? "the host's disk failed" : undefined;
}
