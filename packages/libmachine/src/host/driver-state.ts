import { type MachineContext, MkError } from "@mk/core";

/** What the driver gave back last, as the text it gave: it is the driver's whole memory of the machine. */
export interface DriverState {
  readonly config: string;
}

/** Undefined before the driver was asked to create anything, and after it removed it. CONFIG_CORRUPT. */
export async function readDriverState(context: MachineContext): Promise<DriverState | undefined> {
  const record = await context.record.read();
  if (record === undefined || record === null) return undefined;
  const { config } = record as Partial<DriverState>;
  if (typeof config === "string") return { config };
  throw new MkError("CONFIG_CORRUPT", `the stored state of machine ${JSON.stringify(context.name)} does not parse`);
}

export async function writeDriverState(context: MachineContext, state: DriverState | undefined): Promise<void> {
  await context.record.write(state ?? null);
}
