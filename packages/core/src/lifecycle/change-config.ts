import type { Driver } from "../contract/driver.js";
import { MkError } from "../errors.js";
import type { MachineConfig } from "../store/machine-config.js";
import type { Call } from "./call.js";
import { assertImage } from "./choose-image.js";
import type { Engine } from "./engine.js";
import type { MachineSession } from "./machine-session.js";
import { mapError } from "./map-error.js";
import type { Plan } from "./plan-changes.js";
import { redactor } from "./redact.js";

/**
 * The machine's config with other settings; nothing is changed yet. IMAGE_ABSENT, INVALID_ARGUMENT, and whatever the driver throws for settings that it cannot
 * give a machine.
 */
export async function changeConfig(
  engine: Engine,
  session: MachineSession,
  { spec, options }: Plan,
  { signal }: Call,
): Promise<MachineConfig> {
  const { config, driver, name } = session;
  const { imageDigest } = spec;
  try {
    if (
      imageDigest !== undefined &&
      imageDigest !== config.machine.spec.imageDigest &&
      driver.traits.image !== "none"
    ) {
      await assertImage(engine, imageDigest, spec.arch);
    }
    const driverConfig = driver.createConfig(spec, options);
    assertParses(driver, driverConfig);
    return { ...config, machine: { ...config.machine, spec }, options, driverConfig };
  } catch (error) {
    const what = `reconfigure of machine ${JSON.stringify(name)}`;
    throw redactor(driver.options, options)(mapError(error, { what, driver: driver.name, signal }));
  }
}

/** INVALID_ARGUMENT for a config that the driver would not take back when it opens the machine: nothing is on disk yet that could be corrupt. */
function assertParses(driver: Driver, driverConfig: unknown): void {
  try {
    driver.parseConfig(driverConfig);
  } catch (cause) {
    if (!MkError.is(cause, "CONFIG_CORRUPT")) throw cause;
    throw new MkError("INVALID_ARGUMENT", `driver ${driver.name} takes no such settings: ${cause.message}`, { cause });
  }
}
