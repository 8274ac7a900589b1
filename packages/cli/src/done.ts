import type { Context } from "./context.js";

/** The one line a command ends with for people. */
export function done(context: Context, line: string): void {
  context.endProgress();
  if (context.output === "text" && !context.quiet) context.stdout.line(line);
}
