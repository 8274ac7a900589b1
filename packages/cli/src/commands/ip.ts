import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";

export const ip: Command = async (context, [argument]) => {
  const machine = await (await context.mk()).machine(await machineName(context, argument));
  const address = await machine.address({ signal: context.signal });
  if (context.output === "json") context.stdout.json({ address });
  else context.stdout.line(address);
};
