import { createHash } from "node:crypto";
import { type MachineContext, MkError, type Operation } from "@mk/core";
import type { DockerConfig } from "./config.js";
import { type Container, inspectContainer, listContainers, type PublishedPort, removeContainer } from "./container.js";
import { containerRequest } from "./container-request.js";
import type { Engine } from "./engine.js";
import { archMismatch, type EngineFacts } from "./engine-facts.js";
import { remoteHost } from "./engine-session.js";
import { ensureImage } from "./image.js";
import { asList, asRecord, asString } from "./json-reader.js";
import { containerFilter, LABELS, objectName } from "./labels.js";
import { ensureNetwork } from "./network.js";
import { choosePorts } from "./ports.js";
import { findPrivileges, privilegesOf } from "./privileges.js";
import type { SettlingEngine } from "./settling-engine.js";

export interface Workshop {
  readonly engine: SettlingEngine;
  readonly context: MachineContext;
  readonly config: DockerConfig;
}

/**
 * The machine's container as the spec and the engine want it now: the present one when it is that already, else one made in its place.
 * A container holds nothing: all data is in the volume. So replacing it is how changed settings, a pruned network, a taken port or a
 * newer driver are met. At every moment of a replacement one container has the machine's label.
 */
export async function ensureContainer(
  { engine, context, config }: Workshop,
  present: Container | undefined,
  op: Operation,
): Promise<Container> {
  const { host, spec } = context;
  // A replacement was broken off when the old container was gone: its name would be in the way of the next one.
  if (present !== undefined && present.name !== objectName(spec.name)) {
    await renameContainer(engine, present.id, objectName(spec.name), op.signal);
  }
  const facts = await engine.facts(op.signal);
  assertFits(context, facts);
  const image = await ensureImage(engine, context, op);
  const network = await op.step("network", "making the machine's network", () =>
    ensureNetwork({ engine, host, machine: spec, subnet: config.subnet }, op),
  );
  const privileges =
    privilegesOf(present, config.privileges) ??
    (await findPrivileges({ engine, host, facts, image, wanted: config.privileges, machineId: spec.id }, op));
  const remote = remoteHost(engine.target);
  const listenAddress = config.listenAddress ?? (remote === undefined ? "127.0.0.1" : "0.0.0.0");
  const chosen = await choosePorts(
    { engine, host, spec, listenAddress, isLocal: remote === undefined, previous: present?.ports ?? [] },
    op.signal,
  );
  try {
    const request = containerRequest({
      spec,
      image,
      address: network.address,
      ports: chosen.ports,
      privileges,
      facts,
      modules: await modulesOf({ engine, context, config }, facts),
    });
    const digest = createHash("sha256").update(JSON.stringify(request)).digest("hex");
    // A network of the same name made anew has another id, and the engine looks for the old one.
    const attached = present?.networks[objectName(spec.name)];
    if (present?.requestDigest === digest && (attached?.id === network.id || attached?.id === "")) return present;
    if (remote !== undefined && config.listenAddress === undefined) {
      op.log("the engine is remote: the machine's ports are published on all of its addresses", { host: remote });
    }
    const id = await op.step("container", "making the container", () =>
      replaceContainer(engine, context, labelled(request, digest), present, op),
    );
    const made = await inspectContainer(engine, id, op.signal);
    if (made !== undefined) return made;
    throw new MkError(
      "MACHINE_ABSENT",
      `the container of machine ${JSON.stringify(spec.name)} was removed while it was made`,
      { hint: "Start the machine again." },
    );
  } finally {
    await chosen.release();
  }
}

function labelled(request: ReturnType<typeof containerRequest>, digest: string): object {
  return { ...request, Labels: { ...request.Labels, [LABELS.request]: digest } };
}

/** The status says so before; but an engine can be another one since. */
function assertFits({ spec }: MachineContext, facts: EngineFacts): void {
  const mismatch = archMismatch(facts, spec.arch);
  if (mismatch === undefined) return;
  throw new MkError("DRIVER_UNAVAILABLE", mismatch.reason, {
    hint: mismatch.fix,
    details: { engine: facts.arch, machine: spec.arch },
  });
}

/** Only an engine that shares this host's kernel and files can mount its modules. */
async function modulesOf({ engine, context: { host } }: Workshop, facts: EngineFacts): Promise<string | undefined> {
  if (host.platform !== "linux" || engine.target.kind !== "socket" || facts.product !== "docker") return undefined;
  return (await host.files.stat("/lib/modules")) === undefined ? undefined : "/lib/modules";
}

async function replaceContainer(
  engine: Engine,
  { spec }: MachineContext,
  body: object,
  present: Container | undefined,
  op: Operation,
): Promise<string> {
  const name = objectName(spec.name);
  const ours = await listContainers(engine, containerFilter(spec, "machine"), op.signal);
  // A replacement that was broken off has left a second one.
  for (const { id } of ours) if (id !== present?.id) await removeContainer(engine, id, op.signal);
  const id = await createContainer(engine, present === undefined ? name : `${name}-next`, body, op);
  if (present === undefined) return id;
  await removeContainer(engine, present.id, op.signal);
  await renameContainer(engine, id, name, op.signal);
  return id;
}

/** MACHINE_EXISTS when the name is another container's, which is left as it is. */
async function renameContainer(engine: Engine, id: string, name: string, signal: AbortSignal): Promise<void> {
  const path = ["containers", id, "rename"];
  const answer = await engine.call({ method: "POST", path, query: { name }, accept: [409] }, signal);
  if (answer.status === 409) throw foreign(name, asRecord(answer.body, "the refusal").message);
}

/** MACHINE_EXISTS when the name is another container's, which is left as it is. */
async function createContainer(engine: Engine, name: string, body: object, op: Operation): Promise<string> {
  const answer = await engine.call(
    { method: "POST", path: ["containers", "create"], query: { name }, body, accept: [409] },
    op.signal,
  );
  const said = asRecord(answer.body, "the created container");
  if (answer.status === 409) throw foreign(name, said.message);
  for (const warning of asList(said.Warnings, "Warnings")) op.log("the engine warns", { warning });
  return asString(said.Id, "Id");
}

function foreign(name: string, said: unknown): MkError {
  return new MkError("MACHINE_EXISTS", `the engine has a container ${name} that is not this machine's`, {
    hint: `Choose another machine name, or remove that container with 'docker rm ${name}'.`,
    details: { container: name, engine: said },
  });
}

/** The machine's own port that the engine's refusal of a start is about. */
export function refusedPort(ports: readonly PublishedPort[], said: string): PublishedPort | undefined {
  return ports.find(({ hostPort }) => new RegExp(`:${hostPort}(?!\\d)`).test(said));
}
