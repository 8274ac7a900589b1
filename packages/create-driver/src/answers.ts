import { basename, resolve } from "node:path";

/** What a new driver package is made from. */
export interface Answers {
  /** The driver's name, as in `mk start --driver=<name>`. */
  readonly driver: string;
  /** The npm package: discovery finds `mk-driver-*`, `@scope/mk-driver-*` and `@mk/driver-*`. */
  readonly packageName: string;
  /** What it runs, in one line for `mk driver info`. */
  readonly summary: string;
  /** npm's names of the operating systems it supports. */
  readonly os: readonly string[];
  readonly author: string;
}

/** An answer or a flag that cannot be used; the message says why and what would do. */
export class InvalidAnswerError extends Error {
  override readonly name = "InvalidAnswerError";
}

export const OPERATING_SYSTEMS = ["linux", "darwin", "win32"] as const;
const DRIVER_NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** Names and aliases of mk's own drivers. */
const TAKEN = ["docker", "hyperkit", "kvm", "kvm2", "libvirt", "qemu", "qemu2"];
const PACKAGE_NAME = /^(?:@mk\/driver-|(?:@[a-z0-9][a-z0-9._-]*\/)?mk-driver-)[a-z][a-z0-9-]*$/;
/** As the contract has it. */
const SUMMARY = /^\S.{2,78}[^.\s]$/;

/** Fills in what follows from the driver's name and checks all of it. InvalidAnswerError. */
export function checkAnswers(given: Partial<Answers> & { readonly driver: string }): Answers {
  const { driver } = given;
  if (!DRIVER_NAME.test(driver)) {
    throw new InvalidAnswerError(
      `${JSON.stringify(driver)} cannot name a driver: use lower-case letters, digits and hyphens, a letter first, 32 at most`,
    );
  }
  if (TAKEN.includes(driver)) throw new InvalidAnswerError(`${driver} is a driver of mk's own: choose another name`);
  const packageName = given.packageName ?? `mk-driver-${driver}`;
  if (!PACKAGE_NAME.test(packageName)) {
    throw new InvalidAnswerError(
      `mk would not find a package called ${packageName}: call it mk-driver-${driver} or @you/mk-driver-${driver}`,
    );
  }
  const os = given.os ?? ["linux", "darwin"];
  const unknown = os.filter((name) => !(OPERATING_SYSTEMS as readonly string[]).includes(name));
  if (os.length === 0 || unknown.length > 0) {
    throw new InvalidAnswerError(
      `${unknown.join(", ") || "no"} operating system: choose among ${OPERATING_SYSTEMS.join(", ")}`,
    );
  }
  const summary = given.summary ?? `machines of ${driver}`;
  if (!SUMMARY.test(summary)) {
    throw new InvalidAnswerError(
      `${JSON.stringify(summary)} cannot be the summary: say in one line of 4 to 80 characters what it runs, without a full stop`,
    );
  }
  return { driver, packageName, summary, os, author: given.author ?? "" };
}

/** The driver's name that a directory suggests: `mk-driver-frob` → `frob`; `.` goes by the working directory's own name. */
export function driverNameOf(directory: string): string {
  return basename(resolve(directory)).replace(/^mk-driver-/, "");
}
