import { mkdir } from "node:fs/promises";
import { join } from "node:path";
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
      await mkdir(machines, { recursive: true, mode: 0o700 });
      await mkdir(locks, { recursive: true, mode: 0o700 });
    },
  };
}
