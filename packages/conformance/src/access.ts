import { type Machine, type MachineAccess, MkError, type Operation } from "@mk/core";

/** How the machine's shell is reached; undefined for a machine that has none, and says so with NOT_SUPPORTED and what to do instead. */
export async function accessOf(machine: Machine, op: Operation): Promise<MachineAccess | undefined> {
  try {
    return await machine.access(op);
  } catch (error) {
    if (MkError.is(error, "NOT_SUPPORTED") && error.hint !== undefined) return undefined;
    throw error;
  }
}
