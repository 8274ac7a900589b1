import { createInterface } from "node:readline/promises";
import type { Context } from "../context.js";

/** Asks a question that is answered with yes or no; no where nobody can answer. */
export async function confirm({ stdin, stderr, signal }: Context, question: string): Promise<boolean> {
  if (!stdin.isTTY) {
    stderr.line("Nobody is there to answer: run it again with --yes.");
    return false;
  }
  const lines = createInterface({ input: stdin, output: stderr.stream });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
  } catch (error) {
    // readline wraps the reason; the command's own is the one to report.
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
