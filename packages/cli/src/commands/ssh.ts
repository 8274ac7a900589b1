import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { interactiveSshCommand, type MachineHandle, sshTarget } from "@mk/core";
import type { Command, Context } from "../context.js";
import { isOn, passedThrough } from "../flags.js";
import { machineName } from "../machine-name.js";

/** Answers the exit code of the command in the machine. */
export const ssh: Command = async (context, [argument], flags) => {
  const name = await machineName(context, argument);
  const machine = await (await context.mk()).machine(name);
  const argv = passedThrough(flags);
  if (argv.length > 0 && !isOn(flags, "tty")) return await runCommand(context, machine, argv);

  const access = await machine.access({ signal: context.signal });
  // A script may stand on standard input instead of a person.
  const tty = isOn(flags, "tty") || context.stdin.isTTY === true;
  if (access.via === "exec" && tty) {
    const [program = "", ...rest] = access.argv;
    return await runInTerminal(context.signal, program, [...rest, ...(argv.length === 0 ? LOGIN_SHELL : argv)]);
  }
  const program = access.via === "ssh" ? await (await context.host()).which("ssh") : undefined;
  if (access.via !== "ssh" || program === undefined) {
    return await ownShell(context, machine, argv.length === 0 ? LOGIN_SHELL : argv, tty);
  }
  const target = sshTarget(access, { name, directory: join(context.home, "machines", name) });
  const [, ...rest] = interactiveSshCommand(target, { command: argv, tty, platform: process.platform });
  return await runInTerminal(context.signal, program, rest);
};

const LOGIN_SHELL = ["sh", "-l"] as const;

async function runCommand(context: Context, machine: MachineHandle, argv: readonly string[]): Promise<number> {
  try {
    const { exitCode } = await machine.exec(argv, {
      input: context.stdin,
      stdout: context.stdout.stream,
      stderr: context.stderr.stream,
      signal: context.signal,
    });
    return exitCode;
  } catch (error) {
    // `mk ssh -- yes | head -1` ends as `yes | head -1` does: without a word.
    if (context.stdout.closed.aborted) return 128 + constants.signals.SIGPIPE;
    throw error;
  }
}

/** A program that has the terminal for itself; it puts it in raw mode, so that Ctrl-C reaches the machine and not mk. */
async function runInTerminal(signal: AbortSignal, file: string, args: readonly string[]): Promise<number> {
  signal.throwIfAborted();
  const child = spawn(file, args, { stdio: "inherit" });
  // What a program hears whose terminal goes away; a shell would not heed TERM.
  const end = () => child.kill("SIGHUP");
  signal.addEventListener("abort", end, { once: true });
  try {
    const [code, killedBy] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    return code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** For hosts without an ssh program: mk's own connection, keys handed on one by one. */
async function ownShell(
  { stdin, stdout, stderr, signal }: Context,
  machine: MachineHandle,
  argv: readonly string[],
  tty: boolean,
): Promise<number> {
  const raw = tty && stdin.isTTY === true;
  if (raw) stdin.setRawMode(true);
  try {
    const { columns, rows = 24 } = process.stdout;
    const { exitCode } = await machine.exec(argv, {
      input: stdin,
      stdout: stdout.stream,
      stderr: stderr.stream,
      tty: tty && { columns: columns ?? 80, rows },
      signal,
    });
    return exitCode;
  } finally {
    if (raw) stdin.setRawMode(false);
  }
}
