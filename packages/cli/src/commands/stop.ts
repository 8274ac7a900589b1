import type { Command } from "../context.js";
import { done } from "../done.js";
import { eachMachine } from "../each-machine.js";
import { isOn } from "../flags.js";
import { parseTimeout } from "../parse-start.js";

export const stop: Command = async (context, [name], flags) => {
  const fits = (state: string) => !["absent", "stopped", "saved"].includes(state);
  await eachMachine(context, { all: isOn(flags, "all"), name, fits, none: "No machine runs." }, async (machineName) => {
    const machine = await (await context.mk()).machine(machineName);
    await machine.stop({ signal: context.signal, force: isOn(flags, "force"), ...parseTimeout(flags) });
    done(context, `${machineName} is off.`);
  });
};
