import type { Command } from "../context.js";
import { done } from "../done.js";
import { eachMachine } from "../each-machine.js";
import { parseTimeout } from "../parse-start.js";

export const restart: Command = async (context, names, flags) => {
  await eachMachine(context, names, async (name) => {
    const machine = await (await context.mk()).machine(name);
    await machine.restart({ signal: context.signal, ...parseTimeout(flags) });
    done(context, `${name} is running.`);
  });
};
