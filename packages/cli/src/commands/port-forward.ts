import { once } from "node:events";
import type { Forward } from "@mk/core";
import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";
import { parsePort } from "../parse-start.js";

export const portForward: Command = async (context, given) => {
  const { signal, stdout, output } = context;
  const ports = given.map((port) => parsePort(port, "<port>"));
  const machine = await (await context.mk()).machine(await machineName(context));
  const forwards: Forward[] = [];
  try {
    for (const { hostAddress, hostPort, guestPort } of ports) {
      // `80` alone means the same port on both sides.
      const from = { host: hostAddress, port: hostPort === 0 ? guestPort : hostPort };
      const forward = await machine.forward(from, { port: guestPort }, { signal });
      forwards.push(forward);
      show(forward.local, guestPort);
    }
    if (!signal.aborted) await once(signal, "abort");
    signal.throwIfAborted();
  } finally {
    await Promise.all(forwards.map((forward) => forward[Symbol.asyncDispose]()));
  }

  function show(local: Forward["local"], guestPort: number): void {
    if (output === "json") stdout.line(JSON.stringify({ local, guestPort }));
    else stdout.line(`${"path" in local ? local.path : `${local.host}:${local.port}`} -> ${guestPort}`);
  }
};
