import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNodeHost } from "../host/node-host.js";
import { acquireLock, type LockOwner, lockOwner } from "./lock.js";
import { sweepLocks } from "./sweep-locks.js";

const { processes } = createNodeHost();
const never = new AbortController().signal;
let directory: TemporaryDirectory;
let path: string;

beforeEach(async () => {
  directory = await temporaryDirectory("mk-lock-");
  path = directory.join("one.lock");
});
afterEach(() => directory[Symbol.asyncDispose]());

const take = (waitMs = 0, signal: AbortSignal = never) =>
  acquireLock(path, { processes, command: "mk test one", waitMs, signal });

/** A lock held by a process of its own, as its record says. */
async function heldByChild(): Promise<ReturnType<typeof spawn>> {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(child, "spawn");
  const identity = await processes.identify(child.pid ?? 0);
  const owner = {
    id: "11111111-1111-1111-1111-111111111111",
    process: identity,
    command: "mk start one",
    since: new Date().toISOString(),
  };
  await writeFile(path, JSON.stringify(owner));
  return child;
}

async function kill(child: ReturnType<typeof spawn>): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("a lock", () => {
  it("is held by one and free again after its release", async () => {
    const lock = await take();
    await expect(take()).rejects.toMatchObject({
      code: "MACHINE_BUSY",
      details: { name: "one", pid: process.pid, command: "mk test one" },
    });
    await lock.release();
    await lock.release();
    await (await take()).release();
    expect(await readdir(directory.path)).toEqual([]);
  });

  it("passes to who waits as soon as it is released", async () => {
    const lock = await take();
    const waiting = take(60_000);
    await lock.release();
    await (await waiting).release();
  });

  it("is taken at once from a holder that was killed", async () => {
    await kill(await heldByChild());
    await (await take()).release();
    expect(await readdir(directory.path)).toEqual([]);
  });

  it("passes to who waits when its holder is killed", async () => {
    const child = await heldByChild();
    const waiting = take(60_000);
    await kill(child);
    await (await waiting).release();
  });

  it("is never taken from a holder that is only stopped, whatever the clock says", async () => {
    const child = await heldByChild();
    child.kill("SIGSTOP");
    const record = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...record, since: "2001-01-01T00:00:00.000Z" }));
    await expect(take(50)).rejects.toMatchObject({
      code: "MACHINE_BUSY",
      details: { pid: child.pid, command: "mk start one" },
    });
    expect(await lockOwner(path, processes)).toMatchObject({ process: { pid: child.pid } });
    await kill(child);
  });

  it("means nothing after a reboot, nor when its pid is another process's", async () => {
    const child = await heldByChild();
    const record: LockOwner = JSON.parse(await readFile(path, "utf8"));
    for (const change of [{ bootId: "another" }, { startTime: "1" }, { executable: "/bin/true" }]) {
      await writeFile(path, JSON.stringify({ ...record, process: { ...record.process, ...change } }));
      await (await take()).release();
    }
    expect(child.exitCode).toBeNull();
    await kill(child);
  });

  it.each(["", "{", "null", "[]", '{"id":"x"}', '{"id":"x","process":{"pid":0}}', '{"id":"x","process":{"pid":-1}}'])(
    "is free when its record is %j",
    async (text) => {
      await writeFile(path, text);
      await (await take()).release();
      expect(await readdir(directory.path)).toEqual([]);
    },
  );

  it("survives that who broke it was killed while at it, at any depth", async () => {
    await kill(await heldByChild());
    const dead: LockOwner = JSON.parse(await readFile(path, "utf8"));
    const breaker = { ...dead, id: "22222222-2222-2222-2222-222222222222" };
    const second = { ...dead, id: "33333333-3333-3333-3333-333333333333" };
    await writeFile(`${path}.break-${dead.id}`, JSON.stringify(breaker));
    await writeFile(`${path}.break-${dead.id}.break-${breaker.id}`, JSON.stringify(second));
    await (await take()).release();
    expect(await readdir(directory.path)).toEqual([]);
  });

  it("is waited for no longer than told when somebody alive is breaking it, and does not hold up a sweep", async () => {
    await kill(await heldByChild());
    const dead: LockOwner = JSON.parse(await readFile(path, "utf8"));
    const breaker = {
      ...dead,
      id: "22222222-2222-2222-2222-222222222222",
      process: await processes.identify(process.pid),
    };
    await writeFile(`${path}.break-${dead.id}`, JSON.stringify(breaker));
    await expect(take(50)).rejects.toMatchObject({ code: "MACHINE_BUSY", details: { pid: process.pid } });
    await sweepLocks(directory.path, processes);
    const waiting = take(60_000);
    await rm(path);
    await (await waiting).release();
  });

  it("stops waiting when the signal aborts", async () => {
    const lock = await take();
    const controller = new AbortController();
    const waiting = take(60_000, controller.signal);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await lock.release();
  });

  it("leaves nothing of the dead behind after a sweep, and everything of the living", async () => {
    const child = await heldByChild();
    const record: LockOwner = JSON.parse(await readFile(path, "utf8"));
    const dead = JSON.stringify({ ...record, process: { ...record.process, startTime: "1" } });
    await writeFile(directory.join("two.lock"), dead);
    await writeFile(directory.join("two.lock.44444444-4444-4444-4444-444444444444"), dead);
    await writeFile(directory.join("two.lock.break-55555555-5555-5555-5555-555555555555"), dead);
    await sweepLocks(directory.path, processes);
    expect(await readdir(directory.path)).toEqual(["one.lock"]);
    await kill(child);
  });
});
