import type { Driver, Machine } from "@mk/core";
import { Bench } from "./bench.js";
import type { ConformanceSetup, Mode } from "./setup.js";

/** One sentence of the contract with its proof. */
export interface ContractTest {
  readonly suite: string;
  /** Unique within the kit. */
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** Optional parts of a machine that a driver has or lacks. */
export type Ability =
  | "address"
  | "reconfigure"
  | "console"
  | "suspension"
  | "hibernation"
  | "snapshots"
  | "mounts"
  | "close";

export const ABILITIES = [
  "address",
  "reconfigure",
  "console",
  "suspension",
  "hibernation",
  "snapshots",
  "mounts",
  "close",
] as const satisfies readonly (Ability & keyof Machine)[];

/** What a suite is asked to test. */
export interface Subject {
  readonly driver: Driver;
  readonly setup: ConformanceSetup;
  readonly mode: Mode;
  readonly abilities: ReadonlySet<Ability>;
  /** A machine that does not exist yet, on a host of its own. */
  open(): Promise<Bench>;
}

export type Suite = (subject: Subject) => readonly ContractTest[];

/** Collects the tests of one suite. */
export function suiteOf(suite: string, tests: Readonly<Record<string, () => Promise<void> | void>>): ContractTest[] {
  return Object.entries(tests).map(([title, run]) => ({ suite, title, run: async () => run() }));
}

/** Looks at the driver once, on a host that is thrown away, to know which suites apply. */
export async function subjectOf(driver: Driver, setup: ConformanceSetup): Promise<Subject> {
  const open = () => Bench.open(driver, setup);
  return { driver, setup, mode: setup.mode ?? "scripted", abilities: await abilitiesOf(open), open };
}

async function abilitiesOf(open: () => Promise<Bench>): Promise<ReadonlySet<Ability>> {
  try {
    await using bench = await open();
    const machine = await bench.handle();
    return new Set(ABILITIES.filter((ability) => machine[ability] !== undefined));
  } catch {
    // A driver that cannot even be opened fails every test that opens it, by name and with the reason.
    return new Set();
  }
}
