import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@mk/testing";
import { expect, it } from "vitest";
import { createNodeHost } from "../src/host/node-host.js";
import { acquireLock } from "../src/store/lock.js";
import { sweepLocks } from "../src/store/sweep-locks.js";
import { bundle } from "./step-kill/bundle.js";

const WORKERS = 6;
const SECTIONS = Number(process.env.MK_SECTIONS ?? 150);
const SEED = Number(process.env.MK_SEED ?? Date.now() % 1_000_000);

it("lets one process in at a time while holders, waiters and breakers are killed", async () => {
  await using directory = await temporaryDirectory("mk-stress-");
  const program = await bundle(join(import.meta.dirname, "lock-stress", "lock-worker.ts"), directory.join("program"));
  const locks = directory.join("locks");
  await mkdir(locks);
  const counts = { sections: 0, killed: 0 };
  let spawned = 0;

  const work = async (): Promise<void> => {
    while (counts.sections < SECTIONS) {
      const child = spawn(process.execPath, [program, locks, "20", String(SEED + ++spawned)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const chunks: string[] = [];
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
      const [exitCode, signal] = await once(child, "close");
      expect({ exitCode, signal, said: chunks.join("").match(/violation.*/) }, `MK_SEED=${SEED}`).toEqual(
        signal === "SIGKILL" ? { exitCode: null, signal, said: null } : { exitCode: 0, signal: null, said: null },
      );
      counts.sections += chunks.join("").split("\n").length - 1;
      if (signal === "SIGKILL") counts.killed++;
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));

  // After all of it the lock is free at once, and a sweep leaves nothing.
  const { processes } = createNodeHost();
  const signal = new AbortController().signal;
  const lock = await acquireLock(join(locks, "one.lock"), { processes, command: "mk", waitMs: 0, signal });
  await lock.release();
  await sweepLocks(locks, processes);
  expect((await readdir(locks)).filter((entry) => entry !== "inside")).toEqual([]);
  console.log(`lock: ${counts.sections} sections, ${counts.killed} processes killed, no violation, seed ${SEED}`);
}, 600_000);
