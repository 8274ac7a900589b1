import type { Machine, MachineContext, Operation, ProcessIdentity } from "@mk/core";
import { GUEST_ACCESS, MkError } from "@mk/core";
import { makeRawDisk } from "@mk/vm";
import { waitForAddress } from "./address.js";
import type { HyperkitConfig } from "./config.js";
import { followRing } from "./console-ring.js";
import { findProcess } from "./live-process.js";
import { machineFiles } from "./machine-files.js";
import { cutPower, pressPowerButton } from "./power.js";
import { readRecord } from "./record.js";
import { start } from "./start.js";

/** A machine that is one HyperKit process. Every call proves that process anew. */
export function createMachine(config: HyperkitConfig, context: MachineContext): Machine {
  const { host, name, record } = context;
  const files = machineFiles(context);

  async function runningProcess({ signal }: Operation): Promise<ProcessIdentity> {
    const process = await findProcess(context, signal);
    if (process !== undefined) return process;
    throw new MkError("MACHINE_NOT_RUNNING", `machine "${name}" has no HyperKit process`, {
      hint: `Start it with mk start -p ${name}.`,
    });
  }

  async function address(op: Operation): Promise<string> {
    await runningProcess(op);
    return waitForAddress(context, op.signal);
  }

  return {
    async inspect({ signal }) {
      const process = await findProcess(context, signal);
      const hasDisk = (await host.files.stat(files.data)) !== undefined;
      if (process !== undefined) {
        if (!hasDisk) return { state: "broken", reason: `its disk ${files.data} is gone while it runs` };
        return { state: (await host.files.stat(files.terminal)) === undefined ? "starting" : "running" };
      }
      if (hasDisk) return { state: "stopped" };
      const created = (await readRecord(context)) !== undefined;
      return created ? { state: "broken", reason: `its disk ${files.data} is gone` } : { state: "absent" };
    },

    async create(op) {
      await op.step("disk", "making the data disk", async () => {
        op.undo(async () => {
          await record.write(null);
          await host.files.remove(files.data);
        });
        op.signal.throwIfAborted();
        await makeRawDisk(host.files, files.data, config.diskMiB);
        await record.write({ version: 1 });
      });
    },

    start: (op) => start(context, config, op),

    stop: (op) =>
      op.step("power-button", "waiting for the guest to shut down", async () => {
        const process = await findProcess(context, op.signal);
        if (process !== undefined) await pressPowerButton(context, process, op.signal);
      }),

    async kill(op) {
      const process = await findProcess(context, op.signal);
      if (process !== undefined) await cutPower(context, process, op.signal);
    },

    async remove(op) {
      const process = await findProcess(context, op.signal);
      if (process !== undefined) {
        await op.step("power-off", "ending HyperKit", () => cutPower(context, process, op.signal));
      }
      await op.step("files", "removing the machine's disk", async () => {
        for (const path of Object.values(files)) await host.files.remove(path);
        await record.write(null);
      });
    },

    async access(op) {
      return { ...GUEST_ACCESS, host: await address(op), port: 22 };
    },

    async endpoint(guestPort, op) {
      return { host: await address(op), port: guestPort };
    },

    address,

    async reconfigure() {
      // Everything that may change is read from the config at each start.
    },

    console: { read: (signal) => followRing(host, files.consoleRing, signal) },
  };
}
