import { DEFAULT_MACHINE, formatSizeMiB, type MachineHandle, type SettingChange, type StartRequest } from "@mk/core";
import type { Command, Context } from "../context.js";
import { isOn, text } from "../flags.js";
import { resolveDigest } from "../image-digest.js";
import { machineName } from "../machine-name.js";
import { parseStartFlags } from "../parse-start.js";
import { sentence } from "../render/sentence.js";
import { detectShell, howToUse } from "../shell-environment.js";
import { table } from "../terminal/table.js";
import { formatDuration } from "../terminal/units.js";

export const start: Command = async (context, [name], flags) => {
  const request: StartRequest = {
    name: await machineName(context, name),
    ...parseStartFlags(flags, process.cwd()),
    ...(await imageOf(context, text(flags, "image"))),
    ...driverOf(context, text(flags, "driver")),
    signal: context.signal,
  };
  const mk = await context.mk();
  if (isOn(flags, "dryRun")) {
    showPlan(context, await mk.plan(request));
    return;
  }
  const machine = await mk.start(request);
  context.endProgress();
  if (context.output === "text" && !context.quiet) context.stdout.line(await summary(context, machine));
};

/** `mk image list` shows the beginnings of digests, so they must do. */
async function imageOf(context: Context, given: string | undefined): Promise<Pick<StartRequest, "imageDigest">> {
  return given === undefined ? {} : { imageDigest: await resolveDigest(context, given) };
}

/** Flags of a driver name it too: `--qemu-accelerator tcg` asks for qemu. */
function driverOf(context: Context, named: string | undefined): Pick<StartRequest, "driver" | "options"> {
  const { driver: ofFlags, options } = context.driverFlags;
  const driver = named ?? ofFlags;
  return { ...(driver !== undefined && { driver }), ...(ofFlags !== undefined && { options }) };
}

/** Most phases of a start are over at once; the sum counts them all. */
const WORTH_A_LINE_MS = 100;

/** What runs now, how long each phase took, and what to do next. */
async function summary({ palette, signal, env }: Context, machine: MachineHandle): Promise<string> {
  const { name, driver, spec } = await machine.info({ signal });
  const size = `${spec.cpus} ${spec.cpus === 1 ? "CPU" : "CPUs"}, ${formatSizeMiB(spec.memoryMiB)} memory, ${formatSizeMiB(spec.diskMiB)} disk`;
  const argument = name === DEFAULT_MACHINE ? "" : ` ${name}`;
  const total = machine.timings.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const phases = machine.timings
    .filter(({ durationMs }) => durationMs >= WORTH_A_LINE_MS)
    .map(({ title, durationMs }) => [sentence(title), formatDuration(durationMs)]);
  return [
    `${palette.bold(name)} is running: driver ${driver}, ${size}.`,
    "",
    palette.dim(table([...phases, ["In all", formatDuration(total)]], "  ")),
    "",
    "Next:",
    table(
      [
        [`mk ssh${argument}`, palette.dim("open a shell in it")],
        [
          howToUse(detectShell(env, process.platform), `mk env${argument}`),
          palette.dim("let the docker client talk to it"),
        ],
        [`mk stop${argument}`, palette.dim("power it off")],
      ],
      "  ",
    ),
  ].join("\n");
}

function showPlan({ stdout, output }: Context, changes: readonly SettingChange[]): void {
  if (output === "json") {
    stdout.json(changes);
  } else if (changes.length === 0) {
    stdout.line("Nothing would change.");
  } else {
    const rows = changes.map(({ setting, from, to, cost }) => [
      setting,
      JSON.stringify(from),
      JSON.stringify(to),
      cost,
    ]);
    stdout.line(table([["SETTING", "NOW", "THEN", "COST"], ...rows]));
  }
}
