import type { Command } from "../context.js";
import { done } from "../done.js";
import { machineName } from "../machine-name.js";

export const resume: Command = async (context, [argument]) => {
  const name = await machineName(context, argument);
  await (await (await context.mk()).machine(name)).resume({ signal: context.signal });
  done(context, `${name} is running.`);
};
