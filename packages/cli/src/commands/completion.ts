import { MkError } from "@mk/core";
import { COMPLETION_SHELLS, completionScript, isCompletionShell } from "../completion/scripts.js";
import type { Command } from "../context.js";

export const completion: Command = async ({ stdout }, [shell = ""]) => {
  if (!isCompletionShell(shell)) {
    throw new MkError("INVALID_ARGUMENT", `mk has no completion for ${JSON.stringify(shell)}`, {
      hint: `Choose one of: ${COMPLETION_SHELLS.join(", ")}.`,
    });
  }
  stdout.write(completionScript(shell));
};
