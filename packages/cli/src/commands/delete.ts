import type { Command } from "../context.js";
import { done } from "../done.js";
import { eachMachine } from "../each-machine.js";
import { isOn } from "../flags.js";
import { parseTimeout } from "../parse-start.js";

export const deleteMachine: Command = async (context, names, flags) => {
  const remove = async (name: string) => {
    const machine = await (await context.mk()).machine(name);
    await machine.delete({ signal: context.signal, forget: isOn(flags, "forget"), ...parseTimeout(flags) });
    done(context, `${name} is deleted.`);
  };
  await eachMachine(context, names, remove, isOn(flags, "all") ? { none: "There are no machines." } : undefined);
};
