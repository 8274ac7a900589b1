// How a benchmark says what it found: one line for people and, for `pnpm bench`, one JSON line in the file that MK_BENCH_RATIOS names.
import { appendFileSync } from "node:fs";

/** Reports `ours` held against `theirs`, both in the same unit and from the same run. `aim`: the largest ratio that is good enough. */
export function reportRatio(what, ours, theirs, { aim, unit = "ms" } = {}) {
  const ratio = ours / theirs;
  const aimed = aim === undefined ? "" : `, aim ${aim}`;
  console.log(`${what}: ${ours.toFixed(0)} against ${theirs.toFixed(0)} ${unit}, ratio ${ratio.toFixed(2)}${aimed}`);
  const file = process.env.MK_BENCH_RATIOS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, ratio, aim })}\n`);
}

/** The middle one of some numbers. */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
