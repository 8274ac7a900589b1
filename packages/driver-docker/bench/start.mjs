// Start to SSH and to a ready engine, beside `docker run` of the same image with the same flags, interleaved in one run:
// `pnpm --filter @mk/driver-docker bench [runs]`. Needs a built workspace and a running Docker Engine. Prints medians, minima and ratios.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { createMk } from "@mk/core";
import { guestImages } from "@mk/guest";
import { median as middle, reportRatio } from "../../../bench/ratio.mjs";
import driver from "../dist/index.js";

const runs = Number(process.argv[2] ?? 5);
const execute = promisify(execFile);
const PLAIN = "mk-bench-plain";
const docker = async (...args) => (await execute("docker", args)).stdout.trim();

/** Milliseconds from `since` to the markers `ssh` and `ready` on a container's log, as `docker logs` gives them. */
async function markers(container, since) {
  const child = spawn("docker", ["logs", "--follow", container], { stdio: ["ignore", "pipe", "ignore"] });
  const seen = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const event = /^mk-guest: (ssh|ready) /.exec(line)?.[1];
    if (event !== undefined) seen[event] ??= performance.now() - since;
    if (event === "ready") break;
  }
  child.kill();
  return seen;
}

/** The flags of `docker run` that make a container like mk's. */
async function plainFlags(container, seed) {
  const { HostConfig, Image } = JSON.parse(await docker("inspect", container))[0];
  const privileges = HostConfig.Privileged
    ? ["--privileged"]
    : [
        "--cap-drop=ALL",
        ...HostConfig.CapAdd.map((name) => `--cap-add=${name}`),
        ...["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"].flatMap((name) => [
          "--security-opt",
          name,
        ]),
        "--device-cgroup-rule=a *:* rwm",
      ];
  return [
    ...privileges,
    ...["--cgroupns=private", "--tty", "--env=container=docker", "--stop-signal=SIGUSR2", "--volume=/data"],
    // A network of its own, as mk's machine has: the default bridge is another path through the engine.
    ...[
      `--network=${PLAIN}`,
      "--tmpfs=/run:exec",
      "--tmpfs=/tmp:exec",
      "--publish=127.0.0.1::22",
      "--publish=127.0.0.1::2376",
    ],
    ...[`--cpus=${HostConfig.NanoCpus / 1e9}`, `--memory=${HostConfig.Memory}`, `--volume=${seed}/mk:/etc/mk:ro`],
    ...[Image, "/sbin/init"],
  ];
}

const home = await mkdtemp(join(tmpdir(), "mk-bench-"));
const samples = {};
const note = (name, ms) => {
  samples[name] ??= [];
  samples[name].push(ms);
};
let started = 0;
let marks = {};
const images = guestImages({ home: process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home") });
const mk = createMk({
  home,
  drivers: [driver],
  images,
  onEvent({ data }) {
    if (data.type === "guest.marker") marks[data.marker] ??= performance.now() - started;
  },
});
const request = { name: "bench", driver: "docker", cpus: 2, memoryMiB: 1024 };

try {
  // The image is imported and the engine's grants are known before anything is measured.
  const first = await mk.start(request);
  await docker("cp", "mk-bench:/etc/mk", `${home}/mk`);
  const flags = await plainFlags("mk-bench", home);
  await first.delete();
  await docker("network", "create", PLAIN);
  for (let run = 0; run < runs; run += 1) {
    marks = {};
    started = performance.now();
    const machine = await mk.start(request);
    note("mk, new machine: ssh marker", marks.ssh);
    note("mk, new machine: engine ready", marks.ready);
    await machine.exec(["true"], { check: true });
    note("mk, new machine: first ssh command done", performance.now() - started);
    started = performance.now();
    await machine.exec(["true"], { check: true });
    note("mk: a further ssh command", performance.now() - started);
    started = performance.now();
    await machine.stop();
    note("mk: stop", performance.now() - started);
    marks = {};
    started = performance.now();
    await machine.start();
    note("mk, start again: ssh marker", marks.ssh);
    note("mk, start again: engine ready", marks.ready);
    started = performance.now();
    await machine.delete();
    note("mk: delete of a running machine", performance.now() - started);

    started = performance.now();
    try {
      await docker("run", "--detach", `--name=${PLAIN}`, ...flags);
      const plain = await markers(PLAIN, started);
      note("docker run: ssh marker", plain.ssh);
      note("docker run: engine ready", plain.ready);
      started = performance.now();
      await docker("stop", "--time=60", PLAIN);
      note("docker stop", performance.now() - started);
    } finally {
      await docker("rm", "--force", "--volumes", PLAIN);
    }
  }
} finally {
  await docker("network", "rm", PLAIN).catch(() => undefined);
  await (await mk.machine("bench").catch(() => undefined))?.delete();
  await mk[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
}

const sorted = (name) => samples[name].toSorted((one, other) => one - other);
const median = (name) => middle(samples[name]);
for (const name of Object.keys(samples)) {
  console.log(
    `${name.padEnd(42)} ${Math.round(median(name))} ms (least ${Math.round(sorted(name)[0])}, n=${samples[name].length})`,
  );
}
for (const [what, ours, theirs] of [
  ["new machine to SSH", "mk, new machine: ssh marker", "docker run: ssh marker"],
  ["new machine to its engine", "mk, new machine: engine ready", "docker run: engine ready"],
  ["stop", "mk: stop", "docker stop"],
]) {
  reportRatio(`docker: ${what} beside plain docker`, median(ours), median(theirs));
}
