/**
 * A machine's cold start through mk, against the same QEMU command line run bare: to SSH, and to the Docker Engine. Pairs are interleaved,
 * since the computer's load changes; the ratios of the medians are what counts.
 *
 * `pnpm build && pnpm --filter @mk/driver-qemu bench [pairs]`
 */
import { spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMk, createNodeHost } from "@mk/core";
import { guestImages } from "@mk/guest";
import { median, reportRatio } from "../../../bench/ratio.mjs";
import qemu from "../src/index.js";

interface Sample {
  readonly sshMs: number;
  readonly engineMs: number;
}

const PAIRS = Number(process.argv[2] ?? 3);
const DISK_MIB = 4096;
const directory = await mkdtemp(join(tmpdir(), "mk-bench-"));
const images = guestImages({ home: process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home") });
const host = createNodeHost({ home: directory });

/** Through mk: everything from the call to the marker, keys and certificates included. */
async function throughMk(name: string): Promise<{ readonly sample: Sample; readonly args: readonly string[] }> {
  const began = performance.now();
  let sshMs = Number.NaN;
  const mk = createMk({
    home: join(directory, "home"),
    drivers: [qemu],
    images,
    onEvent: ({ data }) => {
      if (data.type === "guest.marker" && data.marker === "ssh") sshMs = performance.now() - began;
    },
  });
  const machine = await mk.start({ name, driver: "qemu", cpus: 2, memoryMiB: 1024, diskMiB: DISK_MIB });
  const engineMs = performance.now() - began;
  console.log(machine.timings.map(({ step, durationMs }) => `${step} ${Math.round(durationMs)} ms`).join(", "));
  const { spec } = await machine.info();
  const pid = (await readFile(join(await host.runDirectory(spec.id), "pid"), "utf8")).trim();
  const args = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
  // The bare run needs the boot files, which a deleted machine no longer has.
  await host.files.copy(join(directory, "home", "machines", name, "initrd.img"), join(directory, "initrd.img"));
  await machine.delete();
  await mk[Symbol.asyncDispose]();
  return { sample: { sshMs, engineMs }, args };
}

/** The same command line, started by hand with an empty disk and without `-S`, which only mk needs. */
async function bare([file = "", ...original]: readonly string[]): Promise<Sample> {
  const machine = /[^",=]*machines\/[^/]+/.exec(original.find((arg) => arg.includes("data.raw")) ?? "")?.[0] ?? "";
  const run = (original[original.indexOf("-pidfile") + 1] ?? "").replace(/\/pid$/, "");
  const args = original
    .filter((arg) => arg !== "-S")
    .map((arg) => arg.replaceAll(machine, directory).replaceAll(run, directory));
  const disk = await open(join(directory, "data.raw"), "w");
  await disk.truncate(DISK_MIB * 1024 * 1024);
  await disk.close();
  const serial = join(directory, "serial.log");
  await writeFile(serial, "");
  const began = performance.now();
  const child = spawn(file, args, { stdio: "ignore" });
  let sshMs = Number.NaN;
  let text = "";
  const done = new AbortController();
  for await (const bytes of host.files.follow(serial, { signal: done.signal })) {
    text += Buffer.from(bytes).toString("latin1");
    if (Number.isNaN(sshMs) && /^mk-guest: ssh /m.test(text)) sshMs = performance.now() - began;
    if (/^mk-guest: ready /m.test(text)) done.abort();
  }
  const engineMs = performance.now() - began;
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  return { sshMs, engineMs };
}

function report(name: keyof Sample, title: string): void {
  const middle = (samples: readonly Sample[]) => median(samples.map((sample) => sample[name]));
  reportRatio(title, middle(ours), middle(theirs), { aim: 1.15 });
}

const ours: Sample[] = [];
const theirs: Sample[] = [];
try {
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const { sample, args } = await throughMk(`bench-${pair}`);
    const other = await bare(args);
    ours.push(sample);
    theirs.push(other);
    console.log(`pair ${pair + 1}: ${JSON.stringify({ mk: sample, bare: other })}`);
  }
  report("sshMs", "qemu: cold start to SSH beside bare QEMU");
  report("engineMs", "qemu: cold start to Docker beside bare QEMU");
} finally {
  await rm(directory, { recursive: true, force: true });
}
