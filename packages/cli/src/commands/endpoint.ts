import { parseCount } from "@mk/core";
import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";

export const endpoint: Command = async (context, [port = ""]) => {
  const guestPort = parseCount(port, "<port>", 65_535);
  const machine = await (await context.mk()).machine(await machineName(context));
  const { host, port: hostPort } = await machine.endpoint(guestPort, { signal: context.signal });
  if (context.output === "json") context.stdout.json({ host, port: hostPort });
  else context.stdout.line(`${host.includes(":") ? `[${host}]` : host}:${hostPort}`);
};
