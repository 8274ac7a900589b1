import { MkError, messageOf } from "../errors.js";
import { errnoOf } from "./file-error.js";

/** For a program that was not found. */
export function commandNotFound(file: string): MkError {
  return new MkError("COMMAND_NOT_FOUND", `${file} is not installed, or not in PATH`, {
    hint: `Install ${file}, or add its directory to PATH.`,
    details: { file },
  });
}

/** What it means that a program could not be started. */
export function spawnError(error: unknown, file: string, cwd: string | undefined): MkError {
  switch (errnoOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      // The same errno tells of a missing program, a missing interpreter and a missing working directory.
      if (cwd === undefined) return commandNotFound(file);
      return new MkError("COMMAND_FAILED", `cannot start ${file} in ${cwd}: one of the two does not exist`, {
        cause: error,
        details: { file, cwd },
      });
    case "EACCES":
    case "EPERM":
      return new MkError("PERMISSION_DENIED", `may not run ${file}`, { cause: error, details: { file } });
    default:
      return new MkError("COMMAND_FAILED", `cannot start ${file}: ${messageOf(error)}`, {
        cause: error,
        details: { file },
      });
  }
}
