import { readFile } from "node:fs/promises";
import { temporaryDirectory, until } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { createNodeHost } from "./node-host.js";

const host = createNodeHost();

describe("run", () => {
  test("passes arguments as given: no shell sees them", async () => {
    const args = ["a b", "$(id)", "`id`", "*", "'", '"', "", "é☃", "-n", ";reboot"];
    const { stdout } = await host.run(process.execPath, [
      "-e",
      "console.log(JSON.stringify(process.argv.slice(1)))",
      "--",
      ...args,
    ]);
    expect(JSON.parse(stdout)).toEqual(args);
  });

  test("throws COMMAND_FAILED with the last line of stderr and no arguments", async () => {
    const error = await host
      .run("sh", ["-c", "echo secret-canary >/dev/null; echo a >&2; echo why >&2; exit 4"])
      .catch((e) => e);
    expect(error).toMatchObject({ code: "COMMAND_FAILED", details: { exitCode: 4, stderr: "a\nwhy" } });
    expect(error.message).toBe("sh ended with exit code 4: why");
    expect(JSON.stringify(error)).not.toContain("canary");
  });

  test("throws COMMAND_NOT_FOUND for a program that is not in PATH", async () => {
    await expect(host.run("mk-no-such-program", [])).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
      message: expect.stringContaining("mk-no-such-program"),
    });
  });

  test("throws for a working directory that does not exist, naming it", async () => {
    await expect(host.run("true", [], { cwd: "/nonexistent/dir" })).rejects.toMatchObject({
      message: expect.stringContaining("/nonexistent/dir"),
    });
  });

  test("answers 128 + n for a program that signal n ended", async () => {
    expect(await host.run("sh", ["-c", "kill -KILL $$"], { allowFailure: true })).toMatchObject({ exitCode: 137 });
  });

  test("replaces the environment", async () => {
    const { stdout } = await host.run("env", [], { env: { A: "1", B: undefined } });
    expect(stdout).toBe("A=1\n");
  });

  test("keeps so many bytes of an output and drops the rest", async () => {
    const script = "head -c 3000000 /dev/zero | tr '\\0' x; head -c 200000 /dev/zero | tr '\\0' y >&2";
    const { stdout, stderr } = await host.run("sh", ["-c", script], { maxBytes: 1000 });
    expect(stdout).toBe("x".repeat(1000));
    expect(stderr).toBe("y".repeat(1000));
  });

  test("answers megabytes whole", async () => {
    const { stdout } = await host.run("sh", ["-c", "head -c 5000000 /dev/zero | tr '\\0' x"]);
    expect(stdout.length).toBe(5_000_000);
  });

  test("ends with its program while a daemon of it holds the output open", async () => {
    const { stdout } = await host.run("sh", ["-c", "echo whole; (sleep 30; echo late) & echo $!"]);
    const [text, pid] = stdout.trim().split("\n");
    expect(text).toBe("whole");
    process.kill(Number(pid), "SIGKILL");
  });

  test("rejects with the signal's reason when the program and its children are gone", async () => {
    await using directory = await temporaryDirectory();
    const file = directory.join("pids");
    const abort = new AbortController();
    const reason = new Error("enough");
    const running = host.run("sh", ["-c", `sleep 60 & echo $$ $! >${file}; wait`], { signal: abort.signal });
    const pids = await until("it runs", async () =>
      /^(\d+) (\d+)\n/.exec(await readFile(file, "utf8").catch(() => "")),
    );
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    for (const pid of pids.slice(1)) expect(await host.processes.identify(Number(pid))).toBeUndefined();
  });

  test("kills a program that ignores TERM, one that is stopped, and children that outlive it", async () => {
    await using directory = await temporaryDirectory();
    for (const script of [
      "trap '' TERM; echo $$ >FILE; while :; do sleep 0.1; done",
      "echo $$ >FILE; kill -STOP $$",
      "(trap '' TERM; while :; do sleep 0.1; done) & echo $! >FILE; wait",
    ]) {
      const file = directory.join("pid");
      await host.files.remove(file);
      const abort = new AbortController();
      const running = host.run("sh", ["-c", script.replace("FILE", file)], { signal: abort.signal });
      const pid = await until("it runs", async () => Number(await readFile(file, "utf8").catch(() => "")) || undefined);
      abort.abort(new Error("enough"));
      await expect(running).rejects.toThrow("enough");
      await until("it is gone", async () => (await host.processes.identify(pid)) === undefined);
    }
  });

  test("starts nothing for a signal that has aborted", async () => {
    await using directory = await temporaryDirectory();
    const reason = new Error("too late");
    await expect(host.run("touch", [directory.join("canary")], { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(await host.files.stat(directory.join("canary"))).toBeUndefined();
  });

  test("leads a session of its own, so that a Ctrl-C at the terminal comes once", async () => {
    // Field 6 of stat is the session.
    const { stdout } = await host.run("sh", ["-c", `read -r stat </proc/$$/stat; echo "$$ \${stat##*) }"`]);
    const [pid, , , , session] = stdout.trim().split(" ");
    expect(session).toBe(pid);
  });
});
