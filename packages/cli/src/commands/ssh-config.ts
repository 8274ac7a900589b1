import { join } from "node:path";
import { MkError } from "@mk/core";
import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";
import { sshOptions } from "../ssh-command.js";

export const sshConfig: Command = async (context, [argument]) => {
  const name = await machineName(context, argument);
  const access = await (await (await context.mk()).machine(name)).access({ signal: context.signal });
  if (access.via !== "ssh") {
    throw new MkError("NOT_SUPPORTED", `machine ${name} is not reached by SSH`, { hint: `Use: mk ssh ${name}` });
  }
  const options = sshOptions(access, join(context.home, "machines", name));
  if (context.output === "json") context.stdout.json(Object.fromEntries(options));
  else context.stdout.line([`Host ${name}`, ...options.map(([key, value]) => `  ${key} ${value}`)].join("\n"));
};
