import { formatSizeMiB, type MachineInfo } from "@mk/core";
import type { Command } from "../context.js";
import { problemHint } from "../problem-hint.js";
import { table } from "../terminal/table.js";
import { formatAge } from "../terminal/units.js";

export const list: Command = async (context) => {
  const { stdout, stderr, output, quiet, signal, palette } = context;
  const machines = await (await context.mk()).list({ signal });
  if (output === "json") {
    stdout.json(machines);
  } else if (quiet) {
    for (const { name } of machines) stdout.line(name);
  } else if (machines.length === 0) {
    stderr.line("There are no machines. Create one with: mk start");
  } else {
    stdout.line(table([HEAD, ...machines.map((machine) => row(machine, Date.now()))]));
    for (const machine of machines) {
      const { name, problem } = machine;
      if (problem === undefined) continue;
      const hint = problemHint(machine);
      stderr.line(`${palette.yellow("!")} ${name}: ${problem.message}${hint === undefined ? "" : `. ${hint}`}`);
    }
  }
};

const HEAD = ["NAME", "DRIVER", "STATE", "CPUS", "MEMORY", "DISK", "AGE"];

function row({ name, driver, status, spec, createdAt }: MachineInfo, now: number): readonly string[] {
  const age = Date.parse(createdAt);
  return [
    name,
    driver,
    status.state,
    spec.cpus > 0 ? String(spec.cpus) : "-",
    spec.memoryMiB > 0 ? formatSizeMiB(spec.memoryMiB) : "-",
    spec.diskMiB > 0 ? formatSizeMiB(spec.diskMiB) : "-",
    Number.isNaN(age) ? "-" : formatAge(now - age),
  ];
}
