import { MkError } from "../errors.js";

/** MiB of each unit. Decimal and binary spellings mean the same, as with minikube, docker-machine and docker. */
const UNITS_MIB: Readonly<Record<string, number>> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };

/** Largest size taken: 1 EiB. Above it arithmetic in bytes would lose precision. */
const MAX_MIB = 2 ** 40;

/** The least memory a kernel with a shell runs in, and the least disk that holds a file system with a journal. */
const MIN_MIB = 64;

/**
 * Reads a size with an optional unit (`2g`, `2GiB`, `1.5G`, `512mb`, `4096`) as whole MiB; without a unit it is MiB.
 * INVALID_ARGUMENT for everything else: signs, exponents, hexadecimal, nothing, too much, parts of a MiB, and less than 64 MiB, which no
 * machine can use: whoever writes `2` forgot the unit.
 */
export function parseSizeMiB(text: string, what: string): number {
  const match = /^(\d{1,15})(\.\d{1,6})?\s?(?:([kmgt])(?:i?b)?|b)?$/i.exec(text);
  const unit = match?.[3]?.toLowerCase();
  // A lone "b" matches so that it is told apart here: bytes are never meant for memory or disks.
  if (match === null || (unit === undefined && (/b$/i.test(text) || match[2] !== undefined))) {
    throw invalidSize(text, what, "is not a size");
  }
  const mib = Number(`${match[1]}${match[2] ?? ""}`) * (unit === undefined ? 1 : (UNITS_MIB[unit] ?? 1));
  if (mib > MAX_MIB) throw invalidSize(text, what, "is more than any machine has");
  if (!Number.isInteger(mib)) throw invalidSize(text, what, "is not a whole number of MiB");
  if (mib < MIN_MIB) throw invalidSize(text, what, `is less than ${MIN_MIB} MiB`);
  return mib;
}

/** A whole number of at least 1 in decimal digits. INVALID_ARGUMENT. */
export function parseCount(text: string, what: string, max = 4096): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 1 && count <= max)) {
    throw new MkError("INVALID_ARGUMENT", `${what} ${JSON.stringify(text)} is not a number from 1 to ${max}`, {
      hint: `Give a whole number${example(what, "2")}.`,
    });
  }
  return count;
}

function invalidSize(text: string, what: string, problem: string): MkError {
  return new MkError("INVALID_ARGUMENT", `${what} ${JSON.stringify(text)} ${problem}`, {
    hint: `Give a number of MiB or one with a unit${example(what, "2g")}.`,
  });
}

/** Only a flag can be shown as it is written. */
function example(what: string, value: string): string {
  return `, for example ${what.startsWith("-") ? `${what} ` : ""}${value}`;
}

/** A size for people: `2 GiB`, `512 MiB`, `1.5 GiB`. */
export function formatSizeMiB(mib: number): string {
  if (mib < 1024) return `${mib} MiB`;
  const gib = mib / 1024;
  return `${Number.isInteger(gib) ? gib : gib.toFixed(1)} GiB`;
}
