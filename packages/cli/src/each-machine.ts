import { MkError } from "@mk/core";
import type { Context } from "./context.js";
import { machineName } from "./machine-name.js";

/** What `--all` means to a command. */
interface All {
  readonly fits?: (state: string) => boolean;
  /** What is said when none fits. */
  readonly none: string;
}

/**
 * Does something to the named machines, or with `--all` to every machine that fits, one after the other. A failure does not keep the others
 * from their turn: one error with every message is thrown at the end, its code and hint the first's; several are all in `details.failures`.
 */
export async function eachMachine(
  context: Context,
  names: readonly string[],
  work: (name: string) => Promise<void>,
  all?: All,
): Promise<void> {
  const chosen = all === undefined ? await namedMachines(context, names) : await allMachines(context, names, all);
  const failures: MkError[] = [];
  for (const name of chosen) {
    try {
      await work(name);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!MkError.is(error)) throw error;
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new MkError(first.code, failures.map((failure) => failure.message).join("; "), {
    hint: first.hint,
    details: { failures: failures.map((failure) => failure.toJSON()) },
  });
}

async function namedMachines(context: Context, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [await machineName(context)];
  return [...new Set(await Promise.all(names.map((name) => machineName(context, name))))];
}

async function allMachines(
  context: Context,
  names: readonly string[],
  { fits, none }: All,
): Promise<readonly string[]> {
  if (names.length > 0 || context.profile !== undefined) {
    throw new MkError("INVALID_ARGUMENT", "--all and the name of a machine exclude each other", {
      hint: "Give one of them.",
    });
  }
  const machines = await (await context.mk()).list({ signal: context.signal });
  const fitting = machines.filter(({ status }) => fits?.(status.state) !== false);
  if (fitting.length === 0 && context.output === "text" && !context.quiet) context.stderr.line(none);
  return fitting.map(({ name }) => name);
}
