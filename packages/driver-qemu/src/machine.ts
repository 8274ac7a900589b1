import {
  type Endpoint,
  GUEST_ACCESS,
  type Machine,
  type MachineContext,
  type MachineStatus,
  MkError,
  messageOf,
  type Operation,
} from "@mk/core";
import { makeQcow2Disk, makeRawDisk, serialConsole } from "@mk/vm";
import type { QemuConfig } from "./config.js";
import { ANSWER_DEADLINE_MS, findProcess, runPlace } from "./live-process.js";
import { machineFiles } from "./machine-files.js";
import { openMonitor, queryRunState, queryStatus } from "./monitor.js";
import { type MonitorAddress, monitorsOf, runPaths } from "./monitor-address.js";
import { addForward } from "./ports.js";
import { cutPower, powerDown } from "./power.js";
import type { QmpConnection } from "./qmp.js";
import { type Forward, type QemuRecord, type QemuRun, readRecord } from "./record.js";
import { start } from "./start.js";
import { timeLimit } from "./time-limit.js";

/** A machine that is one QEMU process of the user. The handle keeps nothing open: every call asks the live process. */
export function createMachine(config: QemuConfig, context: MachineContext): Machine {
  const { host } = context;
  const files = machineFiles(context, config);

  /** The record of a machine that core found running. */
  async function running(): Promise<QemuRecord & { readonly run: QemuRun }> {
    const record = await readRecord(context);
    if (record?.run !== undefined) return { ...record, run: record.run };
    throw new MkError("MACHINE_NOT_RUNNING", `machine "${context.name}" has no QEMU process`);
  }

  async function monitor({ signal }: Operation): Promise<QmpConnection> {
    return await openMonitor(host, monitorsOf((await running()).run).commands, signal);
  }

  async function kill(op: Operation): Promise<void> {
    const record = await readRecord(context);
    const qemu = await findProcess(context, record, op.signal);
    if (qemu === undefined) return;
    await cutPower(context, qemu, await runPlace(context, record), op);
  }

  /** Whether the guest goes on; false for one that never ran its first instruction. */
  async function goOn(op: Operation): Promise<boolean> {
    await using qmp = await monitor(op);
    if ((await queryRunState(qmp, op.signal)) === "prelaunch") return false;
    await qmp.execute("cont", {}, op.signal);
    return true;
  }

  async function endpoint(guestPort: number, op: Operation): Promise<Endpoint> {
    const isWanted = (forward: Forward) => forward.guestPort === guestPort;
    const known = (await running()).run.forwards.find(isWanted);
    if (known !== undefined) return endpointOf(known);
    await using qmp = await monitor(op);
    // QEMU talks to one client at a time: those before this one have recorded what they opened.
    const { run, ...record } = await running();
    const opened = run.forwards.find(isWanted);
    if (opened !== undefined) return endpointOf(opened);
    const added = await addForward(host, qmp, guestPort, op.signal);
    await context.record.write({ ...record, run: { ...run, forwards: [...run.forwards, added] } });
    return endpointOf(added);
  }

  return {
    async inspect({ signal }) {
      const record = await readRecord(context);
      const qemu = await findProcess(context, record, signal);
      if (qemu !== undefined) {
        const status = await ask(context, monitorsOf(await runPlace(context, record)).queries, signal);
        if (status.state !== "unknown" || (await host.processes.isAlive(qemu))) return status;
      }
      const hasDisk = (await host.files.stat(files.data)) !== undefined;
      if (record === undefined) {
        return hasDisk ? { state: "broken", reason: "its creation did not come to its end" } : { state: "absent" };
      }
      return hasDisk ? { state: "stopped" } : { state: "broken", reason: `its disk ${files.data} is gone` };
    },

    async create(op) {
      await op.step("disk", "making the data disk", async () => {
        op.undo(async () => {
          await context.record.write(null);
          await host.files.remove(files.data);
        });
        if (config.diskFormat === "raw") await makeRawDisk(host.files, files.data, config.diskMiB);
        else await makeQcow2Disk(host.files, files.data, config.diskMiB);
      });
      await context.record.write({ version: 1 });
    },

    start: (op) => start(context, config, op),

    async stop(op) {
      const record = await readRecord(context);
      const qemu = await findProcess(context, record, op.signal);
      if (qemu === undefined) return;
      await powerDown(context, qemu, await runPlace(context, record), op);
    },

    kill,

    async remove(op) {
      const record = await readRecord(context);
      const qemu = await findProcess(context, record, op.signal);
      const place = await runPlace(context, record);
      if (qemu !== undefined) await cutPower(context, qemu, place, op);
      await op.step("files", "removing the machine's disk", async () => {
        for (const path of Object.values(files)) await host.files.remove(path);
        // The record is not believed: of a directory that another program may have by now only our names are removed.
        for (const path of runPaths(place.directory)) await host.files.remove(path);
        await host.files.remove(await host.runDirectory(context.id));
        await context.record.write(null);
      });
    },

    async access(op) {
      return { ...GUEST_ACCESS, ...(await endpoint(22, op)) };
    },

    endpoint,

    async reconfigure() {
      // Everything that may change is read from the config at each start.
    },

    console: serialConsole(host.files, files.serialLog),

    suspension: {
      async pause(op) {
        await using qmp = await monitor(op);
        await qmp.execute("stop", {}, op.signal);
      },
      async resume(op) {
        if (await goOn(op)) return;
        // Its start was cut short, so some of its ports are not open, and nothing tells which: it begins anew, with nothing to lose.
        await kill(op);
        await start(context, config, op);
      },
    },
  };
}

/** What QEMU answers about the machine; `unknown` when it does not within the deadline. */
async function ask({ host }: MachineContext, address: MonitorAddress, signal: AbortSignal): Promise<MachineStatus> {
  using limit = timeLimit(host, ANSWER_DEADLINE_MS, signal);
  try {
    await using qmp = await openMonitor(host, address, limit.signal);
    return await queryStatus(qmp, limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = limit.signal.aborted ? ` within ${ANSWER_DEADLINE_MS / 1000} s` : `: ${messageOf(error)}`;
    return { state: "unknown", reason: `QEMU is not responding${why}` };
  }
}

function endpointOf({ host, port }: Forward): Endpoint {
  return { host, port };
}
