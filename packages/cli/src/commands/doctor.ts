import { createRegistry, type DriverStatus, ERROR_CODES, MkError, type Probe, probeDrivers } from "@mk/core";
import type { Command, Context } from "../context.js";
import { isOn } from "../flags.js";
import { installCommand, type PackageManager, packageManagers } from "../package-manager.js";
import { shownCommand } from "../quote-shell.js";
import { confirm } from "../terminal/confirm.js";

/**
 * Says per driver whether it works here. Answers 0 when the named driver, or without a name at least one, is ready. With `--fix` it installs
 * what a driver names as missing through the platform's package manager, after showing the command.
 */
export const doctor: Command = async (context, [name], flags) => {
  const discovery = await context.discover();
  const registry = createRegistry(discovery);
  const entries = name === undefined ? registry.entries.filter((entry) => entry.builtin) : [registry.resolve(name)];
  const probe = async () =>
    await probeDrivers(registry, entries, { host: await context.host(), signal: context.signal });

  let probes = await probe();
  if (isOn(flags, "fix") && (await fix(context, probes, isOn(flags, "yes")))) probes = await probe();
  const ready = probes.some(({ status }) => status.status === "ready");

  if (context.output === "json") {
    const drivers = probes.map(({ entry, status }) => ({ name: entry.name, origin: entry.origin, status }));
    context.stdout.json({ ready, drivers, skipped: discovery.skipped });
  } else {
    for (const { entry, status } of probes) context.stdout.line(describe(context, entry.name, status));
    if (name === undefined) {
      for (const { name: skipped, reason } of discovery.skipped) {
        context.stdout.line(`${context.palette.dim("-")} ${skipped}: ${reason}`);
      }
    }
    if (entries.length === 0) context.stdout.line("No driver is installed. Install one with: mk driver add qemu");
  }
  return ready ? 0 : ERROR_CODES.DRIVER_UNAVAILABLE.exitCode;
};

function describe({ palette }: Context, name: string, status: DriverStatus): string {
  const version = status.version === undefined ? "" : ` ${palette.dim(status.version)}`;
  if (status.status === "ready") {
    const more = [status.note, status.advice].filter((line) => line !== undefined).map((line) => `\n    ${line}`);
    return `${palette.green("✓")} ${palette.bold(name)} is ready${version}${more.join("")}`;
  }
  const more = [status.fix, status.docs]
    .filter((line) => line !== undefined)
    .map((line) => `\n    ${palette.cyan(line)}`);
  return `${palette.red("✗")} ${palette.bold(name)} is ${status.status}${version}: ${status.reason}${more.join("")}`;
}

/** Whether anything was installed. */
async function fix(context: Context, probes: readonly Probe[], yes: boolean): Promise<boolean> {
  const host = await context.host();
  const managers = await packageManagers(host);
  const lacking = probes.flatMap(({ entry, status }) =>
    status.status === "ready" || status.packages === undefined ? [] : [{ name: entry.name, packages: status.packages }],
  );
  let fixed = false;
  for (const { name, packages } of lacking) {
    const manager = managers.find((candidate) => (packages[candidate.name]?.length ?? 0) > 0);
    if (manager === undefined) {
      context.stderr.line(`${name}: mk knows no packages for this system's package manager.`);
      continue;
    }
    const commands = installCommand(manager, packages[manager.name] ?? [], host.user.uid);
    for (const argv of commands) context.stderr.line(`${name}: ${shownCommand(argv)}`);
    if (!yes && !(await confirm(context, "Run this?"))) continue;
    await runAll(context, commands, manager);
    fixed = true;
  }
  return fixed;
}

async function runAll(
  context: Context,
  commands: readonly (readonly string[])[],
  manager: PackageManager,
): Promise<void> {
  const { runAttached } = await import("../run-attached.js");
  const { which } = await context.host();
  for (const [program = "", ...args] of commands) {
    const file = await which(program);
    if (file === undefined) {
      throw new MkError("COMMAND_NOT_FOUND", `${program} is not installed, or not in PATH`, {
        hint: "Run the command above as root.",
      });
    }
    const exitCode = await runAttached(file, args, { signal: context.signal, env: { ...context.env, ...manager.env } });
    if (exitCode !== 0) {
      throw new MkError("COMMAND_FAILED", `${[program, ...args].join(" ")} ended with exit code ${exitCode}`, {
        hint: "Read its output above, then run the command by hand.",
      });
    }
  }
}
