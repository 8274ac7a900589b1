// How long mk takes to start, held against Node itself in the same loop: least and median wall-clock time, as ratios.
//   node bench/start-up.mjs [rounds]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = join(root, "packages", "cli", "dist", "bin.js");
const rounds = Number(process.argv[2] ?? 21);
const MACHINES = 20;

const home = mkdtempSync(join(tmpdir(), "mk-bench-"));
const env = {
  ...process.env,
  MK_HOME: home,
  MK_DRIVER_PATH: join(root, "packages", "cli", "test", "fake-driver"),
  MK_DRIVER: "fake",
};
// Node 20 reads these certificates at each start, which takes longer than the rest of it.
delete env.NODE_EXTRA_CA_CERTS;

const subjects = {
  "node -e 0": ["-e", "0"],
  "mk --version": [bin, "--version"],
  "mk start --help": [bin, "start", "--help"],
  "mk driver list": [bin, "driver", "list"],
  [`mk list (${MACHINES} machines)`]: [bin, "list"],
};

function measure(args) {
  const before = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  const wallMs = Number(process.hrtime.bigint() - before) / 1e6;
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return wallMs;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  for (let machine = 0; machine < MACHINES; machine++) measure([bin, "start", `bench-${machine}`, "--quiet"]);
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, args] of Object.entries(subjects)) times[name].push(measure(args));
  }
  const base = { min: Math.min(...times["node -e 0"]), median: median(times["node -e 0"]) };
  console.log(`Node ${process.versions.node}, ${rounds} rounds`);
  for (const [name, all] of Object.entries(times)) {
    const [least, middle] = [Math.min(...all), median(all)];
    const ratios = `${(least / base.min).toFixed(2)} x (least), ${(middle / base.median).toFixed(2)} x (median)`;
    console.log(
      `${name.padEnd(24)} ${least.toFixed(0).padStart(5)} ms least ${middle.toFixed(0).padStart(5)} ms median   ${ratios}`,
    );
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
