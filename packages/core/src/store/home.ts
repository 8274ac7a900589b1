import { join } from "node:path";
import { MkError } from "../errors.js";
import { fileError } from "../host/file-error.js";
import { makeDirectories } from "../host/make-directories.js";
import { assertMachineName } from "./machine-name.js";

/** mk's own directory: where everything is. */
export interface Home {
  readonly root: string;
  readonly machines: string;
  readonly locks: string;
  /** The one function that makes a machine's path: INVALID_NAME for a name that breaks the rule. */
  machine(name: string): string;
  /** Makes the directories that are missing, 0700. */
  ensure(): Promise<void>;
}

/** `root` is absolute. Touches nothing. */
export function createHome(root: string): Home {
  const machines = join(root, "machines");
  const locks = join(root, "locks");
  return {
    root,
    machines,
    locks,
    machine(name) {
      assertMachineName(name);
      return join(machines, name);
    },
    async ensure() {
      for (const directory of [machines, locks]) {
        try {
          await makeDirectories(directory, 0o700);
        } catch (error) {
          const { code, message, hint, details, cause } = fileError(error, "make", directory);
          throw new MkError(code, message, {
            hint: hint ?? "Set MK_HOME to a directory you may write to.",
            details,
            cause,
          });
        }
      }
    },
  };
}
