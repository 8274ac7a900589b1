// A start to SSH and to a ready engine through mk, beside `virsh start` of the same domain, interleaved in one run:
// `pnpm --filter @mk/driver-kvm2 bench [runs]`. Needs a built workspace and a running libvirtd. Prints medians and ratios.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createMk, createNodeHost } from "@mk/core";
import { guestImages } from "@mk/guest";
import { median, reportRatio } from "../../../bench/ratio.mjs";
import driver from "../dist/index.js";

const runs = Number(process.argv[2] ?? 3);
const execute = promisify(execFile);
const virsh = (...args) => execute("virsh", ["-c", "qemu:///system", ...args]);
const directory = await mkdtemp(join(tmpdir(), "mk-bench-"));
const host = createNodeHost({ home: directory });

/** Milliseconds from `since` to the markers `ssh` and `ready` in the serial log. */
async function markers(path, since) {
  const seen = {};
  const enough = new AbortController();
  let text = "";
  for await (const bytes of host.files.follow(path, { signal: enough.signal })) {
    text += Buffer.from(bytes).toString("latin1");
    for (const [, event] of text.matchAll(/^mk-guest: (ssh|ready) /gm)) seen[event] ??= performance.now() - since;
    if (seen.ready !== undefined) enough.abort();
  }
  return seen;
}

const mk = createMk({
  home: join(directory, "home"),
  drivers: [driver],
  images: guestImages({ home: process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home") }),
});
const name = `bench-${process.pid}`;
const samples = { mk: [], virsh: [] };
try {
  const machine = await mk.start({ name, driver: "kvm2", cpus: 2, memoryMiB: 1024, diskMiB: 4096 });
  const serial = join(mk.home, "machines", name, "serial.log");
  await machine.stop();
  for (let run = 0; run < runs; run++) {
    let since = performance.now();
    const started = machine.start();
    await host.files.write(serial, "");
    samples.mk.push(await markers(serial, since));
    await started;
    await machine.stop();

    await host.files.write(serial, "");
    since = performance.now();
    await virsh("start", `mk-${name}`);
    samples.virsh.push(await markers(serial, since));
    await machine.stop();
  }
  await machine.delete();
} finally {
  await mk[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}
for (const [event, what] of [
  ["ssh", "SSH"],
  ["ready", "its engine"],
]) {
  const [through, bare] = [samples.mk, samples.virsh].map((each) => median(each.map((sample) => sample[event])));
  reportRatio(`kvm2: start to ${what} beside virsh start`, through, bare);
}
