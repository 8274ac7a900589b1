import { DEFAULT_MACHINE, MkError } from "@mk/core";
import type { Context } from "./context.js";

/** The machine a command works on: the argument, `--profile`, MK_PROFILE, the user's config, else "mk". INVALID_ARGUMENT when two disagree. */
export async function machineName(context: Context, argument?: string): Promise<string> {
  const { profile, env } = context;
  if (argument !== undefined && profile !== undefined && argument !== profile) {
    throw new MkError(
      "INVALID_ARGUMENT",
      `both ${JSON.stringify(argument)} and --profile ${JSON.stringify(profile)} are given`,
      {
        hint: "Name one machine.",
      },
    );
  }
  return argument ?? profile ?? (env.MK_PROFILE || ((await context.userConfig()).profile ?? DEFAULT_MACHINE));
}
