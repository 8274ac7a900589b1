import { GUEST_PORTS, type Host, MkError, type PortLease, type PortSpec } from "@mk/core";
import { NETWORK } from "./command-line.js";
import type { QmpConnection } from "./qmp.js";
import type { Forward } from "./record.js";

const LOOPBACK = "127.0.0.1";
/** Times another program may take a port between its release and QEMU's bind before mk gives up. */
const MOST_LOST_RACES = 8;

/** A port mk holds for a forward. `exact`: the user named it, so no other will do. */
export interface ReservedForward {
  readonly lease: PortLease;
  readonly guestPort: number;
  readonly exact: boolean;
}

/**
 * Holds a host port for each forward of a start: the user's as given, all others as last time if they are free.
 * PORT_IN_USE for a port the user named. On failure none is held.
 */
export async function reserveForwards(
  host: Host,
  specs: readonly PortSpec[],
  last: readonly Forward[],
): Promise<readonly ReservedForward[]> {
  const reserved: ReservedForward[] = [];
  try {
    for (const spec of withGuestPorts(specs)) reserved.push(await reserve(host, spec, last));
    return reserved;
  } catch (error) {
    await releaseForwards(reserved);
    throw error;
  }
}

/** Frees what is still held. A lease that was released before is passed over by core. */
export async function releaseForwards(reserved: readonly ReservedForward[]): Promise<void> {
  await Promise.all(reserved.map(({ lease }) => lease.release()));
}

async function reserve(host: Host, spec: PortSpec, last: readonly Forward[]): Promise<ReservedForward> {
  const exact = spec.hostPort !== 0;
  const before = last.find((forward) => forward.guestPort === spec.guestPort && forward.host === spec.hostAddress);
  const preferred = exact ? spec.hostPort : before?.port;
  const lease = await host.network.leasePort({
    host: spec.hostAddress,
    ...(preferred !== undefined && { preferred }),
    exact,
  });
  return { lease, guestPort: spec.guestPort, exact };
}

function withGuestPorts(specs: readonly PortSpec[]): readonly PortSpec[] {
  const missing = GUEST_PORTS.filter((guestPort) => !specs.some((spec) => isLoopbackFor(spec, guestPort)));
  return [...missing.map((guestPort) => ({ hostAddress: LOOPBACK, hostPort: 0, guestPort })), ...specs];
}

function isLoopbackFor(spec: PortSpec, guestPort: number): boolean {
  return spec.guestPort === guestPort && spec.hostAddress === LOOPBACK;
}

/**
 * Hands a held port over to QEMU. Between release and QEMU's bind lies one exchange on the monitor; a port that another program takes in
 * it is replaced by a free one, unless the user named it.
 */
export async function openForward(
  host: Host,
  qmp: QmpConnection,
  { lease, guestPort, exact }: ReservedForward,
  signal: AbortSignal,
): Promise<Forward> {
  let held = lease;
  for (let lost = 0; ; lost += 1) {
    await held.release();
    const forward = { host: held.host, port: held.port, guestPort };
    const answer = await qmp.monitor(`hostfwd_add ${NETWORK} ${rule(forward)}`, signal);
    if (answer === "") return forward;
    if (exact || lost >= MOST_LOST_RACES) {
      throw new MkError("PORT_IN_USE", `QEMU could not listen on ${held.host}:${held.port}: ${answer}`, {
        hint: "Choose another host port, or end the program that has it.",
        details: { host: held.host, port: held.port, guestPort },
      });
    }
    held = await host.network.leasePort({ host: held.host });
  }
}

/** Forwards a new loopback port to a port of the running guest. */
export async function addForward(
  host: Host,
  qmp: QmpConnection,
  guestPort: number,
  signal: AbortSignal,
): Promise<Forward> {
  const reserved = await reserve(host, { hostAddress: LOOPBACK, hostPort: 0, guestPort }, []);
  try {
    return await openForward(host, qmp, reserved, signal);
  } finally {
    await reserved.lease.release();
  }
}

/** What QEMU reads: the addresses are numeric IPv4, as leases have them, so nothing needs escaping. */
function rule({ host, port, guestPort }: Forward): string {
  return `tcp:${host}:${port}-:${guestPort}`;
}
