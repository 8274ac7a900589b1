import type { Command } from "../context.js";
import { done } from "../done.js";
import { eachMachine } from "../each-machine.js";
import { isOn } from "../flags.js";
import { parseTimeout } from "../parse-start.js";

export const stop: Command = async (context, names, flags) => {
  const fits = (state: string) => !["absent", "stopped", "saved"].includes(state);
  const powerOff = async (name: string) => {
    const machine = await (await context.mk()).machine(name);
    await machine.stop({ signal: context.signal, force: isOn(flags, "force"), ...parseTimeout(flags) });
    done(context, `${name} is off.`);
  };
  await eachMachine(context, names, powerOff, isOn(flags, "all") ? { fits, none: "No machine runs." } : undefined);
};
