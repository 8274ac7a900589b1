import { join } from "node:path";
import { raceAbort } from "../abort/race-abort.js";
import { timeLimit } from "../abort/time-limit.js";
import type { Driver, MachineContext } from "../contract/driver.js";
import type { Machine } from "../contract/machine.js";
import { MkError, messageOf } from "../errors.js";
import { engineProxies } from "../identity/engine-proxies.js";
import { createMachineIdentity, type MachineIdentity } from "../identity/machine-identity.js";
import { createSeed } from "../identity/seed.js";
import { createIntentFile, type IntentFile } from "../store/intent.js";
import { createJsonFile } from "../store/json-file.js";
import type { MachineConfig } from "../store/machine-config.js";
import type { Engine } from "./engine.js";
import { type Redact, redactor } from "./redact.js";

/** Generous: where a driver runs as root, sudo asks for the password meanwhile. */
const OPEN_MS = 120_000;
const CLOSE_MS = 1_000;

/** One machine with its driver's handle. Opening one touches nothing. */
export interface MachineSession extends AsyncDisposable {
  readonly name: string;
  readonly directory: string;
  readonly config: MachineConfig;
  readonly driver: Driver;
  readonly machine: Machine;
  readonly identity: MachineIdentity;
  readonly intent: IntentFile;
  readonly redact: Redact;
}

/**
 * Loads the machine's driver and makes its handle. DRIVER_MISSING and its kin when the driver is gone, MACHINE_UNRESPONSIVE when it takes too
 * long.
 */
export async function openSession(engine: Engine, config: MachineConfig, signal: AbortSignal): Promise<MachineSession> {
  const { name } = config.driver;
  const registry = await engine.registry();
  using limit = timeLimit(OPEN_MS);
  const either = AbortSignal.any([signal, limit.signal]);
  try {
    return await sessionOf(engine, config, await registry.load(name, either), either);
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.signal.aborted) throw error;
    const machine = JSON.stringify(config.machine.spec.name);
    throw new MkError(
      "MACHINE_UNRESPONSIVE",
      `driver ${name} did not open machine ${machine} within ${OPEN_MS / 1000} s`,
      {
        hint: `See what is wrong with the driver: mk doctor ${name}`,
        cause: error,
      },
    );
  }
}

/** As {@link openSession}, with the driver at hand. A handle that is made after the signal aborted is closed again. */
export async function sessionOf(
  engine: Engine,
  config: MachineConfig,
  driver: Driver,
  signal: AbortSignal,
): Promise<MachineSession> {
  const { spec } = config.machine;
  const directory = engine.home.machine(spec.name);
  const identity = createMachineIdentity(spec.name, directory);
  const context: MachineContext = {
    name: spec.name,
    id: spec.id,
    directory,
    host: engine.host,
    spec,
    async image() {
      if (driver.traits.image === "none") throw new TypeError(`driver ${driver.name} declares that it boots no image`);
      const digest = spec.imageDigest;
      const image = digest === undefined ? undefined : await engine.images?.find(digest);
      if (image !== undefined) return image;
      throw new MkError(
        "IMAGE_ABSENT",
        `the guest image ${digest ?? ""} of machine ${JSON.stringify(spec.name)} is gone`,
        {
          hint: "Build it again with `mk image build`.",
          details: { digest },
        },
      );
    },
    seed: (options) => createSeed(spec, identity, options?.addresses, engineProxies(engine.host.env).settings),
    record: createJsonFile(join(directory, "record.json")),
  };
  const redact = redactor(driver.options, config.options);
  const opening = openMachine(driver, config.driverConfig, context);
  const machine = await raceAbort(opening, signal).catch((error: unknown) => {
    if (signal.aborted) void opening.then(close, () => undefined);
    throw MkError.is(error) ? redact(error) : error;
  });
  return {
    name: spec.name,
    directory,
    config,
    driver,
    machine,
    identity,
    intent: createIntentFile(directory),
    redact,
    [Symbol.asyncDispose]: () => close(machine),
  };
}

/** It only frees what this process holds: a driver that hangs there must not hold up the command's end. */
async function close(machine: Machine): Promise<void> {
  using limit = timeLimit(CLOSE_MS);
  await raceAbort((async () => machine.close?.())(), limit.signal).catch(() => undefined);
}

/** The driver's handle. What it throws that is no MkError is a fault of the driver, not of who called mk. */
async function openMachine(driver: Driver, config: unknown, context: MachineContext): Promise<Machine> {
  try {
    return await driver.createDriver(driver.parseConfig(config), context);
  } catch (cause) {
    if (MkError.is(cause)) throw cause;
    throw new MkError(
      "DRIVER_FAILED",
      `driver ${driver.name} cannot open machine "${context.name}": ${messageOf(cause)}`,
      {
        hint: `Update the driver ${driver.name}, or report this to who made it.`,
        cause,
      },
    );
  }
}
