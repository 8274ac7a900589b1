import { type MachineContext, MkError, messageOf, type Operation, type ProcessIdentity } from "@mk/core";
import { openMonitor } from "./monitor.js";
import { monitorsOf, type RunPlace } from "./monitor-address.js";
import { timeLimit } from "./time-limit.js";

/** What QEMU may take to flush its disks and end when it is asked to quit. */
const QUIT_DEADLINE_MS = 3_000;

/** Presses the power button and waits until QEMU has ended, as it does when the guest powers off. */
export async function powerDown(
  context: MachineContext,
  qemu: ProcessIdentity,
  place: RunPlace,
  op: Operation,
): Promise<void> {
  await using qmp = await openMonitor(context.host, monitorsOf(place).commands, op.signal);
  await qmp.execute("system_powerdown", {}, op.signal);
  // An event where there is one: the end of a process that another mk started can only be polled for. A QEMU that ends without telling
  // closes the connection.
  await qmp.event(["SHUTDOWN"], op.signal).catch((error: unknown) => {
    if (!MkError.is(error, "NETWORK_FAILED")) throw error;
  });
  await context.host.processes.waitGone(qemu, op.signal);
}

/**
 * Ends QEMU and proves that the process is gone: `quit` first, which writes back what QEMU still holds, then KILL for one that does not
 * answer. A stopped (SIGSTOP) process is ended too.
 */
export async function cutPower(
  context: MachineContext,
  qemu: ProcessIdentity,
  place: RunPlace,
  op: Operation,
): Promise<void> {
  const { host } = context;
  try {
    using limit = timeLimit(host, QUIT_DEADLINE_MS, op.signal);
    await using qmp = await openMonitor(host, monitorsOf(place).commands, limit.signal);
    // QEMU may close the connection before it answers: the end of the process is what counts.
    await Promise.allSettled([qmp.execute("quit", {}, limit.signal)]);
    await host.processes.waitGone(qemu, limit.signal);
    return;
  } catch (error) {
    op.signal.throwIfAborted();
    op.log("qemu did not quit, killing it", { pid: qemu.pid, reason: messageOf(error) });
  }
  await host.processes.signal(qemu, "SIGKILL");
  await host.processes.waitGone(qemu, op.signal);
}
