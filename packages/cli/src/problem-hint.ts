import { hintOf, type MachineInfo } from "@mk/core";

/** What to do about what is wrong with a machine: commands that work on one name this one. */
export function problemHint({ name, problem }: Pick<MachineInfo, "name" | "problem">): string | undefined {
  return problem && hintOf(problem)?.replaceAll("-p <name>", `-p ${name}`);
}
