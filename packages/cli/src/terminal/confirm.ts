import { createInterface } from "node:readline/promises";
import { MkError } from "@mk/core";
import type { Context } from "../context.js";

/** Asks a question that is answered with yes or no; no where nobody can answer. CANCELLED for Ctrl-C. */
export async function confirm({ stdin, stderr, signal }: Context, question: string): Promise<boolean> {
  if (!stdin.isTTY) {
    stderr.line("Nobody is there to answer: run it again with --yes.");
    return false;
  }
  const lines = createInterface({ input: stdin, output: stderr.stream });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      // In raw mode Ctrl-C is a key and no signal; unheard it would close readline, which then answers nothing.
      lines.once("SIGINT", () => reject(new MkError("CANCELLED", "interrupted")));
      // Ctrl-D, or a terminal that is gone.
      lines.once("close", () => resolve(""));
      lines.question(`${question} [y/N] `, { signal }).then(resolve, reject);
    });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // readline wraps the reason; the command's own is the one to report.
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
