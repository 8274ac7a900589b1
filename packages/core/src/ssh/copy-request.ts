import { MkError } from "../errors.js";

export interface CopyRequest {
  readonly source: string;
  readonly target: string;
  readonly signal: AbortSignal;
}

/** A shell's exit code for a program that it does not find. */
const NOT_FOUND = 127;

/** What it means that the guest's part of a copy failed. */
export function copyFailed(machine: string, action: string, exitCode: number, output: string): MkError {
  const reason = output.trim().split("\n").at(-1)?.slice(0, 500) ?? "";
  if (exitCode === NOT_FOUND) {
    return new MkError("GUEST_UNSUPPORTED", `machine ${machine} lacks a program to ${action}: ${reason}`, {
      hint: `Install tar and a POSIX shell in machine ${machine}.`,
    });
  }
  const details = { machine, exitCode, stderr: output.slice(-4_096) };
  if (/no space left/i.test(output)) {
    return new MkError("NO_SPACE", `cannot ${action} in machine ${machine}: no space left`, {
      hint: "Free some space in the machine, or give it a larger disk.",
      details,
    });
  }
  return new MkError("COMMAND_FAILED", `cannot ${action} in machine ${machine}: ${reason || `exit code ${exitCode}`}`, {
    hint: `Check the path and its owner in the machine; mk copies as the user of \`mk ssh -p ${machine}\`.`,
    details,
  });
}
