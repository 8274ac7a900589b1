import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { temporaryDirectory, until } from "@mk/testing";
import { describe, expect, test } from "vitest";
import type { ProcessIdentity } from "../contract/host.js";
import { createNodeHost } from "./node-host.js";

const { processes, files } = createNodeHost();
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

describe("a daemon", () => {
  test("has a session of its own, no terminal, and its output in the log", async () => {
    await using directory = await temporaryDirectory();
    const logFile = directory.join("log");
    await files.write(logFile, "before\n");
    // Field 6 of stat is the session.
    const script = `read -r stat </proc/$$/stat; echo "$$ \${stat##*) }"; echo err >&2; cat`;
    const daemon = await processes.spawnDaemon("sh", ["-c", script], { logFile });
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    const [before, line = "", err] = (await readFile(logFile, "utf8")).split("\n");
    expect(before).toBe("before");
    expect(err).toBe("err");
    const [pid, , , , session] = line.split(" ");
    expect(Number(pid)).toBe(daemon.identity.pid);
    expect(session).toBe(pid);
  });

  test.each([0o000, 0o077])("has a log that is ours alone under umask %o", async (mask) => {
    await using directory = await temporaryDirectory();
    const before = process.umask(mask);
    try {
      const daemon = await processes.spawnDaemon("true", [], { logFile: directory.join("log") });
      await daemon.exited;
    } finally {
      process.umask(before);
    }
    expect((await stat(directory.join("log"))).mode & 0o7777).toBe(0o600);
  });

  test("gets open files as 3, 4 and so on", async () => {
    await using directory = await temporaryDirectory();
    const { open } = await import("node:fs/promises");
    const file = await open(directory.join("f"), "w");
    const daemon = await processes.spawnDaemon("sh", ["-c", "echo passed >&3"], { inherit: [file.fd] });
    await daemon.exited;
    await file.close();
    expect(await readFile(directory.join("f"), "utf8")).toBe("passed\n");
  });

  test("has an identity even when it ends at once", async () => {
    const daemon = await processes.spawnDaemon("true", []);
    expect(daemon.identity.startTime).toMatch(/^\d+$/);
    await daemon.exited;
    expect(await processes.isAlive(daemon.identity)).toBe(false);
  });

  test("tells by which signal it ended", async () => {
    const daemon = await processes.spawnDaemon("sleep", ["60"]);
    await processes.signal(daemon.identity, "SIGKILL");
    expect(await daemon.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
  });

  test("that cannot be started is named", async () => {
    await expect(processes.spawnDaemon("mk-no-such-program", [])).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
    await expect(processes.spawnDaemon("true", [], { logFile: "/nonexistent/log" })).rejects.toMatchObject({
      code: "IO_FAILED",
      message: expect.stringContaining("/nonexistent/log"),
    });
    await expect(processes.spawnDaemon("true", [], { cwd: "/nonexistent" })).rejects.toMatchObject({
      message: expect.stringContaining("/nonexistent"),
    });
  });

  test("outlives the mk process that started it, and is known to the next one", async () => {
    await using directory = await temporaryDirectory();
    const script = `
      const { spawn } = require("node:child_process");
      const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
      child.unref();
      console.log(child.pid);`;
    const parent = spawn(process.execPath, ["-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: directory.path,
    });
    const [text] = await once(parent.stdout, "data");
    await once(parent, "exit");
    const identity = await processes.identify(Number(String(text)));
    if (identity === undefined) throw new Error("the daemon is gone");
    // Not our child: nobody tells us of its end.
    const gone = processes.waitGone(identity, soon());
    expect(await processes.signal(identity, "SIGTERM")).toBe(true);
    await gone;
    expect(await processes.isAlive(identity)).toBe(false);
  });
});

describe("a process", () => {
  test("is another when boot, start time or executable differ, and is then never signalled", async () => {
    const victim = await processes.spawnDaemon("sleep", ["60"]);
    const { identity } = victim;
    const others: readonly ProcessIdentity[] = [
      { ...identity, bootId: "another boot" },
      { ...identity, startTime: "1" },
      { ...identity, executable: "/usr/bin/qemu-system-x86_64" },
    ];
    for (const other of others) {
      expect(await processes.isAlive(other)).toBe(false);
      expect(await processes.signal(other, "SIGKILL")).toBe(false);
      await processes.waitGone(other, soon());
    }
    expect(await processes.isAlive(identity)).toBe(true);
    await processes.signal(identity, "SIGKILL");
    await processes.waitGone(identity, soon());
  });

  test.each([0, -1, 1, 2 ** 31, 2 ** 22 + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "with the impossible pid %d is nobody's, and nobody is signalled",
    async (pid) => {
      const self = await processes.identify(process.pid);
      if (self === undefined) throw new Error("this process is gone");
      expect(await processes.identify(pid)).toBeUndefined();
      expect(await processes.signal({ ...self, pid }, "SIGKILL")).toBe(false);
    },
  );

  test("that is stopped is alive, and that is a zombie is not", async () => {
    const daemon = await processes.spawnDaemon("sleep", ["60"]);
    await processes.signal(daemon.identity, "SIGSTOP");
    await until("it is stopped", async () =>
      (await readFile(`/proc/${daemon.identity.pid}/stat`, "utf8")).includes(") T "),
    );
    expect(await processes.isAlive(daemon.identity)).toBe(true);
    await processes.signal(daemon.identity, "SIGCONT");
    await processes.signal(daemon.identity, "SIGKILL");
    await processes.waitGone(daemon.identity, soon());

    // A parent that does not wait for its child keeps it as a zombie. A shell does: the child ends when it is one no longer.
    const parent = spawn("sh", ["-c", "cat <&3 & echo $!; exec sleep 60 3<&-"], {
      stdio: ["ignore", "pipe", "inherit", "pipe"],
    });
    const [text] = await once(parent.stdout as Readable, "data");
    const pid = Number(String(text));
    await until("it is no shell", async () => (await readFile(`/proc/${parent.pid}/comm`, "utf8")) === "sleep\n");
    (parent.stdio[3] as Writable).end();
    await until("it is a zombie", async () => (await readFile(`/proc/${pid}/stat`, "utf8")).includes(") Z "));
    expect(await processes.identify(pid)).toBeUndefined();
    parent.kill("SIGKILL");
    await once(parent, "exit");
  });

  test("that does not end is waited for until the signal aborts", async () => {
    const daemon = await processes.spawnDaemon("sleep", ["60"]);
    const stranger = createNodeHost().processes;
    for (const host of [processes, stranger]) {
      const abort = new AbortController();
      const reason = new Error("enough");
      const waiting = host.waitGone(daemon.identity, abort.signal);
      abort.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    }
    const gone = stranger.waitGone(daemon.identity, soon());
    await processes.signal(daemon.identity, "SIGKILL");
    await gone;
  });
});
