import { MkError } from "@mk/core";
import type { Context } from "./context.js";
import { machineName } from "./machine-name.js";

/**
 * Does something to the named machine, or with `--all` to every machine that fits, one after the other. With `--all` a failure does not
 * keep the others from their turn: one error with every message is thrown at the end, its code and hint the first's; several are all in
 * `details.failures`.
 */
export async function eachMachine(
  context: Context,
  options: {
    readonly all: boolean;
    readonly name: string | undefined;
    readonly fits?: (state: string) => boolean;
    /** What is said when none fits. */
    readonly none: string;
  },
  work: (name: string) => Promise<void>,
): Promise<void> {
  if (!options.all) return await work(await machineName(context, options.name));
  if (options.name !== undefined || context.profile !== undefined) {
    throw new MkError("INVALID_ARGUMENT", "--all and the name of a machine exclude each other", {
      hint: "Give one of them.",
    });
  }
  const mk = await context.mk();
  const machines = await mk.list({ signal: context.signal });
  const fitting = machines.filter(({ status }) => options.fits?.(status.state) !== false);
  if (fitting.length === 0 && context.output === "text" && !context.quiet) context.stderr.line(options.none);
  const failures: MkError[] = [];
  for (const { name } of fitting) {
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
