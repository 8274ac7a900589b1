import { MkError } from "@mk/core";
import { listContainers } from "./container.js";
import type { Engine } from "./engine.js";
import { asList, asRecord, asString, asStrings } from "./json-reader.js";
import { LABELS, machineFilter, objectName, ownedBy } from "./labels.js";

/**
 * The machine's data volume, made when it is not there. The engine answers a request for an existing name with that volume, so the
 * labels of the answer tell without a race whose it is. MACHINE_EXISTS when it is another's, which is left as it is.
 */
export async function ensureVolume(
  engine: Engine,
  machine: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const { body } = await engine.call(
    { method: "POST", path: ["volumes", "create"], body: volumeRequest(machine) },
    signal,
  );
  const name = objectName(machine.name);
  const labels = asStrings(asRecord(body, "the volume").Labels, "the volume's labels");
  if (ownedBy(labels, machine.id)) return;
  if (labels[LABELS.machine] !== undefined) {
    throw new MkError(
      "MACHINE_EXISTS",
      `the engine has a volume ${name} of another mk machine: one left behind, or of another home`,
      {
        // In the order in which they let go of each other.
        hint: `Choose another machine name, or remove that machine and its data with 'docker rm --force ${name}', 'docker volume rm ${name}' and 'docker network rm ${name}'.`,
        details: { volume: name, machine: labels[LABELS.machine] },
      },
    );
  }
  throw new MkError("MACHINE_EXISTS", `the engine has a volume ${name} that is not this machine's`, {
    hint: `Choose another machine name, or remove that volume with 'docker volume rm ${name}'.`,
    details: { volume: name },
  });
}

export function volumeRequest(machine: { readonly id: string; readonly name: string }): object {
  return {
    Name: objectName(machine.name),
    Driver: "local",
    Labels: { [LABELS.machine]: machine.id, [LABELS.name]: machine.name },
  };
}

export async function hasVolume(engine: Engine, machineId: string, signal: AbortSignal): Promise<boolean> {
  return (await listVolumes(engine, machineId, signal)).length > 0;
}

/** Removes the machine's volumes. DRIVER_FAILED that names the containers, when some that are not the machine's use one. */
export async function removeVolumes(engine: Engine, machineId: string, signal: AbortSignal): Promise<void> {
  for (const name of await listVolumes(engine, machineId, signal)) {
    const { status } = await engine.call({ method: "DELETE", path: ["volumes", name], accept: [404, 409] }, signal);
    if (status !== 409) continue;
    const users = (await listContainers(engine, { volume: [name] }, signal)).map((container) => container.name);
    throw new MkError("DRIVER_FAILED", `other containers use the volume ${name}: ${users.join(", ")}`, {
      hint: `Remove them with 'docker rm --force ${users.join(" ")}' and delete the machine again.`,
      details: { volume: name, containers: users },
    });
  }
}

async function listVolumes(engine: Engine, machineId: string, signal: AbortSignal): Promise<readonly string[]> {
  const { body } = await engine.call(
    { method: "GET", path: ["volumes"], query: { filters: machineFilter(machineId) } },
    signal,
  );
  const volumes = asList(asRecord(body, "the list of volumes").Volumes, "the list of volumes");
  return volumes.map((item) => asString(asRecord(item, "a volume").Name, "a volume's name"));
}
