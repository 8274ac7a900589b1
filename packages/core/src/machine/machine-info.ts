import { raceAbort } from "../abort/race-abort.js";
import { timeLimit } from "../abort/time-limit.js";
import type { MachineInfo } from "../api.js";
import type { MachineSpec } from "../contract/spec.js";
import type { MachineStatus } from "../contract/status.js";
import { MkError, messageOf, type SerializedMkError } from "../errors.js";
import type { Engine } from "../lifecycle/engine.js";
import { describeMachine, INSPECT_MS, silence } from "../lifecycle/inspect-machine.js";
import { openSession } from "../lifecycle/machine-session.js";
import { absent } from "../lifecycle/stored-machine.js";
import type { MachineConfig } from "../store/machine-config.js";

/** One machine as `mk list` shows it. A machine that cannot be used is told with its problem; only one that is not there is an error. */
export async function machineInfo(engine: Engine, name: string, signal: AbortSignal): Promise<MachineInfo> {
  const stored = await engine.store.read(name);
  switch (stored.kind) {
    case "absent":
      throw absent(name);
    case "broken":
      return brokenInfo(name, stored.problem);
    case "recovered":
      return {
        ...(await configuredInfo(engine, stored.config, signal)),
        problem: { ...stored.problem.toJSON(), hint: `Put the last good copy in its place: mk start -p ${name}` },
      };
    case "good":
      return await configuredInfo(engine, stored.config, signal);
    default:
      return stored satisfies never;
  }
}

async function configuredInfo(engine: Engine, config: MachineConfig, signal: AbortSignal): Promise<MachineInfo> {
  const [status, problem] = await readStatus(engine, config, signal);
  const { createdAt, spec } = config.machine;
  return {
    name: spec.name,
    id: spec.id,
    driver: config.driver.name,
    createdAt,
    spec,
    status,
    ...(problem !== undefined && { problem }),
  };
}

async function readStatus(
  engine: Engine,
  config: MachineConfig,
  signal: AbortSignal,
): Promise<readonly [MachineStatus, SerializedMkError?]> {
  // One for all that is asked of the driver: loading its code, starting its program or closing its handle may hang as well.
  using limit = timeLimit(INSPECT_MS);
  const either = AbortSignal.any([signal, limit.signal]);
  try {
    return [await raceAbort(statusOf(engine, config, either), either)];
  } catch (cause) {
    signal.throwIfAborted();
    if (limit.signal.aborted) return [{ state: "unknown", reason: silence(config.driver.name, INSPECT_MS) }];
    const error = MkError.is(cause)
      ? cause
      : new MkError(
          "DRIVER_FAILED",
          `driver ${config.driver.name} cannot open machine ${config.machine.spec.name}: ${messageOf(cause)}`,
          { cause },
        );
    return [{ state: "unknown", reason: error.message }, withWayBack(error, config).toJSON()];
  }
}

async function statusOf(engine: Engine, config: MachineConfig, signal: AbortSignal): Promise<MachineStatus> {
  await using session = await openSession(engine, config, signal);
  return await describeMachine(engine, session, signal);
}

/** A driver that is gone: says which package brings it back, and how to do without. */
function withWayBack(error: MkError, { driver, machine }: MachineConfig): MkError {
  if (!["DRIVER_UNKNOWN", "DRIVER_MISSING"].includes(error.code)) return error;
  const install =
    driver.package === undefined ? error.hint : `Install its driver with \`mk driver add ${driver.package}\``;
  const { name } = machine.spec;
  return new MkError(
    "DRIVER_MISSING",
    `the driver ${driver.name} of machine ${JSON.stringify(name)} is not installed`,
    {
      hint: `${install ?? "Install the driver again"}; or drop the machine with \`mk delete --forget -p ${name}\`.`,
      details: { ...error.details, driver: driver.name, package: driver.package },
      cause: error,
    },
  );
}

function brokenInfo(name: string, problem: MkError): MachineInfo {
  const spec: MachineSpec = { name, id: "", cpus: 0, memoryMiB: 0, diskMiB: 0, arch: "amd64", mounts: [], ports: [] };
  return {
    name,
    id: "",
    driver: "",
    createdAt: "",
    spec,
    status: { state: "broken", reason: problem.message },
    problem: problem.toJSON(),
  };
}
