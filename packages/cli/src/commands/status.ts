import { ERROR_CODES, formatSizeMiB, type MachineInfo } from "@mk/core";
import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";
import { problemHint } from "../problem-hint.js";
import { table } from "../terminal/table.js";

/** Answers 0 only for a running machine, so that scripts can ask. */
export const status: Command = async (context, [argument]) => {
  const { stdout, output, quiet, signal } = context;
  const machine = await (await context.mk()).machine(await machineName(context, argument));
  const info = await machine.info({ signal });
  if (output === "json") stdout.json(info);
  else stdout.line(quiet ? info.status.state : describe(info));
  return info.status.state === "running" ? 0 : ERROR_CODES.MACHINE_NOT_RUNNING.exitCode;
};

function describe(info: MachineInfo): string {
  const { name, driver, spec, status, problem, createdAt } = info;
  const reason = "reason" in status && status.reason !== undefined ? ` (${status.reason})` : "";
  return table([
    ["name", name],
    ["state", `${status.state}${reason}`],
    // Of a machine whose state cannot be read nothing more is known.
    ...(createdAt === ""
      ? []
      : [
          ["driver", driver],
          ["cpus", String(spec.cpus)],
          ["memory", formatSizeMiB(spec.memoryMiB)],
          ["disk", formatSizeMiB(spec.diskMiB)],
          ["created", createdAt],
        ]),
    ...(problem === undefined
      ? []
      : [
          ["problem", problem.message],
          ["fix", problemHint(info) ?? "-"],
        ]),
  ]);
}
