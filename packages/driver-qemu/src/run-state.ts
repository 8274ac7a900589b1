import type { MachineStatus } from "@mk/core";

/**
 * mk's state for one of QEMU's run states. `diskProblem` is what the block layer says about a machine that is paused by an I/O error.
 *
 * @see https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html#qapidoc-114 (RunState)
 */
export function statusOf(runState: string, diskProblem: string | undefined): MachineStatus {
  switch (runState) {
    case "running":
      return { state: "running" };
    case "paused":
      return { state: "paused" };
    case "prelaunch":
      // Its start was cut short before the first instruction.
      return { state: "paused", reason: "its start was interrupted" };
    case "inmigrate":
    case "restore-vm":
      return { state: "starting" };
    case "shutdown":
      return { state: "stopping" };
    case "io-error":
      return { state: "paused", reason: diskProblem ?? "a disk error stopped it" };
    case "suspended":
      return { state: "paused", reason: "the guest put itself to sleep" };
    case "postmigrate":
    case "finish-migrate":
    case "save-vm":
    case "debug":
    case "watchdog":
    case "colo":
      return { state: "paused", reason: `QEMU reports ${runState}` };
    case "guest-panicked":
      return { state: "broken", reason: "the guest's kernel panicked" };
    case "internal-error":
      return { state: "broken", reason: "QEMU met an internal error and stopped the guest" };
    default:
      return { state: "unknown", reason: `QEMU reports the state ${JSON.stringify(runState)}, which mk does not know` };
  }
}
