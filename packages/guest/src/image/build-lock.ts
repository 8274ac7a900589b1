import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { acquireLock, createNodeHost, type Lock, MkError, type Operation, type Progress } from "@mk/core";
import { imagesDirectory } from "./image-directory.js";

/** A build that is waited for is looked at this often. */
const LOOK_MS = 1_000;
/** In practice without end: what ends the wait is the operation's own deadline, which another build's progress puts off. */
const LONGEST_BUILD_MS = 24 * 60 * 60 * 1000;

/** Runs `work` as the only build below this home. Another process' build is waited for, in a step that names it. */
export async function withBuildLock<T>(home: string, op: Operation, work: () => Promise<T>): Promise<T> {
  await mkdir(imagesDirectory(home), { recursive: true, mode: 0o700 });
  const { processes } = createNodeHost();
  const acquire = (waitMs: number): Promise<Lock> =>
    acquireLock(join(imagesDirectory(home), ".build.lock"), {
      processes,
      command: "a build of a guest image",
      waitMs,
      signal: op.signal,
    });
  const lock = await acquire(0).catch((error: unknown) => {
    if (!MkError.is(error, "MACHINE_BUSY")) throw error;
    return op.step("image-wait", `waiting for the image build of process ${error.details?.pid}`, (report) =>
      reportingGrowth(join(home, "cache"), report, acquire(LONGEST_BUILD_MS)),
    );
  });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** What another build has written is all that can be seen of its progress. A build that hangs is none, and the wait ends with its deadline. */
async function reportingGrowth<T>(
  directory: string,
  report: (progress: Progress) => void,
  waiting: Promise<T>,
): Promise<T> {
  const before = await bytesBelow(directory);
  let last = before;
  const timer = setInterval(async () => {
    const now = await bytesBelow(directory);
    if (now !== last) report({ done: Math.max(0, now - before), unit: "bytes" });
    last = now;
  }, LOOK_MS);
  try {
    return await waiting;
  } finally {
    clearInterval(timer);
  }
}

async function bytesBelow(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0, // gone meanwhile
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
