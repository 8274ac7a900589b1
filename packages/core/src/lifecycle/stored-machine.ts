import { MkError } from "../errors.js";
import { machineSource } from "../events/event-log.js";
import type { MachineConfig } from "../store/machine-config.js";
import type { Engine } from "./engine.js";

/**
 * The machine's config, repaired from its last good copy if need be; undefined when there is no machine. CONFIG_CORRUPT, STATE_TOO_NEW or
 * PERMISSION_DENIED when it cannot be read. Called under the machine's lock.
 */
export async function requireConfig(engine: Engine, name: string): Promise<MachineConfig | undefined> {
  const stored = await engine.store.read(name);
  await engine.store.tidy(name);
  switch (stored.kind) {
    case "absent":
      return undefined;
    case "good":
      return stored.config;
    case "recovered":
      await engine.store.repair(name);
      engine.events.emit(machineSource(name), {
        type: "note",
        level: "warning",
        message: `${stored.problem.message}; the last good copy was put in its place`,
      });
      return stored.config;
    case "broken":
      throw stored.problem;
    default:
      return stored satisfies never;
  }
}

/** As the config on disk says, without changing anything. MACHINE_ABSENT. */
export async function readConfig(engine: Engine, name: string): Promise<MachineConfig> {
  const stored = await engine.store.read(name);
  if (stored.kind === "good" || stored.kind === "recovered") return stored.config;
  if (stored.kind === "broken") throw stored.problem;
  throw absent(name);
}

export function absent(name: string): MkError {
  return new MkError("MACHINE_ABSENT", `there is no machine ${JSON.stringify(name)}`, {
    hint: `See all machines with \`mk list\`, or make this one with \`mk start -p ${name}\`.`,
    details: { name },
  });
}
