import { join } from "node:path";
import { sshConfig as configText, MkError, sshTarget } from "@mk/core";
import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";

export const sshConfig: Command = async (context, [argument]) => {
  const name = await machineName(context, argument);
  const access = await (await (await context.mk()).machine(name)).access({ signal: context.signal });
  if (access.via !== "ssh") {
    throw new MkError("NOT_SUPPORTED", `machine ${name} is not reached by SSH`, { hint: `Use: mk ssh ${name}` });
  }
  const target = sshTarget(access, { name, directory: join(context.home, "machines", name) });
  if (context.output === "json") context.stdout.json(target);
  else context.stdout.write(configText(target));
};
