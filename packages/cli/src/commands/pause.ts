import type { Command } from "../context.js";
import { done } from "../done.js";
import { machineName } from "../machine-name.js";

export const pause: Command = async (context, [argument]) => {
  const name = await machineName(context, argument);
  await (await (await context.mk()).machine(name)).pause({ signal: context.signal });
  done(context, `${name} is paused. Let it go on with: mk resume ${name}`);
};
