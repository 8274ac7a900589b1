// Peak memory of `mk start` of a real machine, from creation to a ready engine, in MB and as a ratio to `node -e 0`:
//   node bench/memory.mjs
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { reportRatio } from "./ratio.mjs";

const bin = join(dirname(fileURLToPath(import.meta.url)), "../packages/cli/dist/bin.js");
const directory = mkdtempSync(join(tmpdir(), "mk-bench-"));
const images = join(process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home"), "cache");
const report = join(directory, "report.cjs");
writeFileSync(
  report,
  'process.on("exit", () => require("node:fs").writeFileSync(process.env.PEAK, String(process.resourceUsage().maxRSS)));',
);

/** Peak resident memory of one Node process, MB. */
function peakMB(args) {
  const peak = join(directory, "peak");
  const env = { ...process.env, PEAK: peak, MK_HOME: join(directory, "home"), NODE_OPTIONS: `--require ${report}` };
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return Number(readFileSync(peak, "utf8")) / 1024;
}

try {
  mkdirSync(join(directory, "home"), { mode: 0o700 });
  symlinkSync(images, join(directory, "home/cache"));
  const node = peakMB(["-e", "0"]);
  const start = peakMB([bin, "start", "bench", "--driver=qemu", "--memory", "1g"]);
  peakMB([bin, "delete", "bench"]);
  reportRatio("mk start: peak memory beside node -e 0", start, node, { unit: "MB" });
  reportRatio("mk start: peak memory beside the aim of 150 MB", start, 150, { unit: "MB", aim: 1 });
} finally {
  rmSync(directory, { recursive: true, force: true });
}
