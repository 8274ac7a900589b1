import { MkError, type Operation } from "@mk/core";
import { type Container, findContainer } from "./container.js";
import { engineSaid } from "./engine-error.js";
import { ensureContainer, refusedPort, type Workshop } from "./make-container.js";
import { isAskedFor } from "./ports.js";
import { forgetPrivileges, isCapabilityRefusal } from "./privileges.js";

/**
 * Starts the machine's container, making it anew first where it is not as it should be. What the engine says no to at a start is met
 * once for each reason: a port mk chose that is taken meanwhile is given up for another, and privileges granted before are searched
 * again. PORT_IN_USE for a taken port that the user asked for: mk moves nothing that the user named.
 */
export async function startContainer(
  workshop: Workshop,
  prepare: (container: Container) => Promise<void>,
  op: Operation,
): Promise<void> {
  const { engine, context } = workshop;
  let present = await findContainer(engine, context.spec, op.signal);
  let isDoubted = false;
  for (;;) {
    const container = await ensureContainer(workshop, present, op);
    await op.step("seed", "giving the machine its identity", () => prepare(container));
    try {
      await op.step("power-on", "starting the container", () =>
        engine.call({ method: "POST", path: ["containers", container.id, "start"], accept: [304] }, op.signal),
      );
      return;
    } catch (error) {
      // Each way back changes what is asked for next, so that the loop ends.
      present = await withoutCause(workshop, container, error, isDoubted, op);
      isDoubted ||= isCapabilityRefusal(error);
    }
  }
}

/** The container less what the engine refused, as the base of the next one; throws what cannot be met. */
async function withoutCause(
  { engine, context, config }: Workshop,
  container: Container,
  error: unknown,
  isDoubted: boolean,
  op: Operation,
): Promise<Container> {
  const said = engineSaid(error) ?? "";
  if (MkError.is(error, "PORT_IN_USE")) {
    const port = refusedPort(container.ports, said);
    if (port === undefined) throw error;
    if (isAskedFor(context, port)) {
      throw new MkError("PORT_IN_USE", `port ${port.hostPort} of ${port.hostAddress} is taken`, {
        hint: `End the program that listens on port ${port.hostPort}, or ask for another one with --port.`,
        details: { host: port.hostAddress, port: port.hostPort },
        cause: error,
      });
    }
    op.log("a port of the machine was taken: another one is published", { ...port });
    return { ...container, ports: container.ports.filter((other) => other !== port), requestDigest: undefined };
  }
  if (isCapabilityRefusal(error) && config.privileges === "auto" && !isDoubted) {
    await forgetPrivileges(context.host, await engine.facts(op.signal));
    op.log("the engine no longer grants what it did", { said });
    return { ...container, hostConfig: {}, requestDigest: undefined };
  }
  throw error;
}
