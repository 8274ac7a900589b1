import { randomUUID } from "node:crypto";
import type { Driver } from "../contract/driver.js";
import type { MachineSpec } from "../contract/spec.js";
import { DEFAULT_HARDWARE } from "../defaults.js";
import { MkError } from "../errors.js";
import type { WantedMachine } from "../store/intent.js";
import { type MachineConfig, SCHEMA_VERSION } from "../store/machine-config.js";
import type { Call } from "./call.js";
import { chooseImage } from "./choose-image.js";
import { declareRemoval, mustBeKilled } from "./delete-machine.js";
import type { Engine } from "./engine.js";
import { askMachine, inspectMachine } from "./inspect-machine.js";
import { lockDriver } from "./lock-machine.js";
import { type MachineSession, sessionOf } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";
import { type Redact, redactor } from "./redact.js";
import { runOnMachine } from "./run-on-machine.js";
import { statusRequestFor } from "./wanted-machine.js";

/**
 * Makes a machine: afterwards it is on disk and its driver says that it exists. On failure nothing of it is left; after a kill the intent
 * on disk makes the next command undo it. Called under the machine's lock.
 *
 * With `replaced`, in that one's place: it is removed when all that can be known of the new one is known to be good, and from then on the
 * intent says what is wanted, so that the next start goes on, whatever came between.
 */
export async function createMachine(
  engine: Engine,
  name: string,
  driver: Driver,
  request: WantedMachine,
  call: Call,
  replaced?: MachineSession,
): Promise<MachineSession> {
  const userConfig = await engine.userConfig();
  const { arch, options } = await statusRequestFor(engine, driver, request);
  const secrets = redactor(driver.options, options);
  const redact: Redact = (value) => secrets(replaced === undefined ? value : replaced.redact(value));
  // Around the operation: its roll-back is done alone as well, and its time limit does not count the wait.
  await using alone = driver.traits.parallel ? undefined : await lockDriver(engine, driver.name, name, call.signal);
  void alone;
  return await runOnMachine(engine, { name, driver, redact }, "create", call, async (op) => {
    const entry = (await engine.registry()).find(driver.name);
    const hardware: MachineSpec = {
      name,
      id: randomUUID(),
      cpus: request.cpus ?? userConfig.cpus ?? DEFAULT_HARDWARE.cpus,
      memoryMiB: request.memoryMiB ?? userConfig.memoryMiB ?? DEFAULT_HARDWARE.memoryMiB,
      diskMiB: request.diskMiB ?? userConfig.diskMiB ?? DEFAULT_HARDWARE.diskMiB,
      arch,
      mounts: request.mounts ?? [],
      ports: request.ports ?? [],
    };
    // Without the image first, which may have to be downloaded: what the driver refuses, it refuses before.
    await op.step("config", "describing the machine", async () => driver.createConfig(hardware, options));
    const imageDigest = await op.step("image", "preparing the guest image", () =>
      chooseImage(engine, driver, arch, request, op),
    );
    const spec: MachineSpec = { ...hardware, ...(imageDigest !== undefined && { imageDigest }) };
    const config: MachineConfig = {
      schemaVersion: SCHEMA_VERSION,
      machine: { createdAt: new Date().toISOString(), spec },
      driver: {
        name: driver.name,
        ...(entry?.manifest !== undefined && {
          package: entry.manifest.packageName,
          version: entry.manifest.version,
        }),
      },
      options,
      driverConfig: driver.createConfig(spec, options),
    };
    const session = await sessionOf(engine, config, driver, op.signal);
    // Registered first, so that it runs last: the roll-back of the rest needs the handle.
    op.undo(async () => {
      await session[Symbol.asyncDispose]();
    });
    if (replaced !== undefined) {
      await op.step("replace", "removing the machine there was", () => makeRoom(engine, replaced, request, op));
    }
    await op.step("save", "saving the machine's settings", async () => {
      await engine.store.makeDirectory(name);
      op.undo(async (undo) => {
        await undo.step("remove", "removing what was made", () => session.machine.remove(undo));
        if (replaced === undefined) await engine.store.remove(name);
      });
      if (replaced === undefined) await session.intent.declare("create");
      await engine.store.write(name, config);
    });
    // Asked, not inspected: what keeps the driver from working here it says best itself.
    const status = await op.step("inspect", "looking for leftovers", () => askMachine(session, op.signal));
    if (status.state !== "absent") {
      throw new MkError(
        "MACHINE_EXISTS",
        `driver ${driver.name} already has a machine ${JSON.stringify(name)}: ${status.state}`,
        {
          hint: "Choose another name with -p, or remove the other machine with the tool that made it.",
        },
      );
    }
    await op.step("driver", `making the machine with ${driver.name}`, () => session.machine.create(op));
    await op.step("resolve", "finishing", () => session.intent.resolve());
    return session;
  });
}

/**
 * Removes a machine but for its name, its settings and the intent to make it anew. One that fails or is cancelled before the driver was told
 * to remove anything leaves the machine as it was, at worst without power.
 */
async function makeRoom(engine: Engine, old: MachineSession, wanted: WantedMachine, op: CoreOperation): Promise<void> {
  const { state } = await inspectMachine(old, op.signal);
  if (mustBeKilled(old.driver, state)) await old.machine.kill(op);
  await declareRemoval(old, op, () => old.intent.declare("recreate", wanted));
  await old.machine.remove(op);
  await engine.store.clear(old.name);
}
