import type { MachineAccess } from "../contract/status.js";
import { MkError } from "../errors.js";
import type { Engine } from "../lifecycle/engine.js";
import type { MachineSession } from "../lifecycle/machine-session.js";
import type { Transport } from "../ssh/transport.js";

/** The way into a running machine that its driver names. Connects at the first use. */
export async function openTransport(
  engine: Engine,
  session: MachineSession,
  access: MachineAccess,
): Promise<Transport> {
  if (access.via === "ssh") throw new MkError("NOT_SUPPORTED", `SSH to ${session.name} is not built in yet`);
  const [program = "", ...args] = access.argv;
  const transport: Transport = {
    connect: async () => undefined,
    async exec(argv, { signal, input } = {}) {
      const text = typeof input === "string" || input instanceof Uint8Array ? input : undefined;
      return await engine.host.run(program, [...args, ...argv], {
        allowFailure: true,
        ...(signal !== undefined && { signal }),
        ...(text !== undefined && { input: text }),
      });
    },
    script: (text, options) => transport.exec(["sh", "-s"], { ...options, input: text }),
    shell: () => Promise.reject(notSupported()),
    copyTo: () => Promise.reject(notSupported()),
    copyFrom: () => Promise.reject(notSupported()),
    dial: () => Promise.reject(notSupported()),
    forward: () => Promise.reject(notSupported()),
    async [Symbol.asyncDispose]() {},
  };
  return transport;
}

function notSupported(): MkError {
  return new MkError("NOT_SUPPORTED", "This machine is reached without SSH");
}
