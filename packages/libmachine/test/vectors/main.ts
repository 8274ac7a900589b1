// `pnpm --filter @mk/libmachine vectors FILE`: checks the codec against a file of gob streams made by Go.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkVectors } from "./check.js";
import type { VectorFile } from "./file.js";

const name = process.argv[2];
if (name === undefined) {
  console.error("usage: vectors FILE");
  process.exit(2);
}
// pnpm runs scripts in the package's folder; INIT_CWD is where it was called.
const file = JSON.parse(await readFile(resolve(process.env.INIT_CWD ?? ".", name), "utf8")) as VectorFile;
const streams = file.vectors.reduce((sum, vector) => sum + vector.variants.length, 0);
const exact = file.vectors.flatMap((vector) => vector.variants).filter((variant) => variant.encodeExact).length;
const conversions = file.vectors.reduce((sum, vector) => sum + (vector.decodeAs ? vector.variants.length : 0), 0);
const report = checkVectors(file);
for (const failure of report.failures) console.error(`FAILED ${failure}`);
console.log(`streams decoded, whole and byte by byte:   ${report.decoded} of ${streams}`);
console.log(`streams re-encoded byte for byte:          ${report.reencoded} of ${exact} marked`);
console.log(`streams re-encoded definitions first:      ${report.rewritten} of ${streams}`);
console.log(`streams read into another type as stated:  ${report.converted} of ${conversions}`);
console.log(`malformed inputs that ended as stated:     ${report.malformed} of ${file.malformed.length}`);
process.exitCode = report.failures.length === 0 ? 0 : 1;
