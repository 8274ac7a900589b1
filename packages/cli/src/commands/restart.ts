import type { Command } from "../context.js";
import { done } from "../done.js";
import { machineName } from "../machine-name.js";
import { parseTimeout } from "../parse-start.js";

export const restart: Command = async (context, [argument], flags) => {
  const name = await machineName(context, argument);
  const machine = await (await context.mk()).machine(name);
  await machine.restart({ signal: context.signal, ...parseTimeout(flags) });
  done(context, `${name} is running.`);
};
