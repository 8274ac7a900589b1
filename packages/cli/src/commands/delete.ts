import type { Command } from "../context.js";
import { done } from "../done.js";
import { eachMachine } from "../each-machine.js";
import { isOn } from "../flags.js";
import { parseTimeout } from "../parse-start.js";

export const deleteMachine: Command = async (context, [name], flags) => {
  await eachMachine(context, { all: isOn(flags, "all"), name, none: "There are no machines." }, async (machineName) => {
    const machine = await (await context.mk()).machine(machineName);
    await machine.delete({ signal: context.signal, forget: isOn(flags, "forget"), ...parseTimeout(flags) });
    done(context, `${machineName} is deleted.`);
  });
};
