// How long mk takes to start as it is installed, held against Node itself in the same loop, on each Node that mk supports.
//   node bench/start-up.mjs [rounds]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, reportRatio } from "./ratio.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const rounds = Number(process.argv[2] ?? 21);
const MACHINES = 20;
/** Official binaries as packages of the registry. */
const NODES = ["20.20.2", "22.23.3", "24.21.0"];

const place = mkdtempSync(join(tmpdir(), "mk-bench-"));
const env = {
  ...process.env,
  MK_HOME: join(place, "home"),
  MK_DRIVER_PATH: join(root, "packages", "cli", "test", "fake-driver"),
  MK_DRIVER: "fake",
};
// Node 20 reads these certificates at each start, which takes longer than the rest of it.
delete env.NODE_EXTRA_CA_CERTS;

/** The command with every driver of ours, from tarballs as they are published. */
function install() {
  const packages = join(root, "packages");
  const tarballs = readdirSync(packages)
    .map((folder) => join(packages, folder))
    .filter((folder) => !JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).private)
    .map((cwd) => {
      const packed = execFileSync("pnpm", ["pack", "--json", "--pack-destination", place], { cwd, encoding: "utf8" });
      return JSON.parse(packed).filename;
    });
  const nodes = NODES.map((version) => `node${version}@npm:node-${process.platform}-${process.arch}@${version}`);
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--force", "--loglevel=error"];
  execFileSync("npm", ["install", "--prefix", place, ...flags, ...tarballs, ...nodes], { stdio: "inherit" });
}

function measure(node, args) {
  const before = process.hrtime.bigint();
  const { status, stderr } = spawnSync(node, args, { env, encoding: "utf8" });
  const wallMs = Number(process.hrtime.bigint() - before) / 1e6;
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return wallMs;
}

try {
  install();
  const bin = join(place, "node_modules/@mk/cli/dist/bin.js");
  const subjects = {
    "node -e 0": ["-e", "0"],
    "mk --version": [bin, "--version"],
    "mk start --help": [bin, "start", "--help"],
    "mk driver list": [bin, "driver", "list"],
    [`mk list of ${MACHINES} machines`]: [bin, "list"],
  };
  for (let machine = 0; machine < MACHINES; machine++)
    measure(process.execPath, [bin, "start", `bench-${machine}`, "--quiet"]);
  for (const version of NODES) {
    const node = join(place, "node_modules", `node${version}`, "bin/node");
    const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
    // The first round fills the compile cache of Node 22 and later.
    for (let round = -1; round < rounds; round++) {
      for (const [name, args] of Object.entries(subjects)) {
        const wallMs = measure(node, args);
        if (round >= 0) times[name].push(wallMs);
      }
    }
    const base = median(times["node -e 0"]);
    const major = version.split(".")[0];
    for (const [name, all] of Object.entries(times)) {
      const aim = name === "mk --version" ? { aim: 1.5 } : {};
      if (name !== "node -e 0") reportRatio(`${name} beside node -e 0, Node ${major}`, median(all), base, aim);
    }
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
