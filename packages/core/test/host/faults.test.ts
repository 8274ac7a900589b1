import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createNodeHost } from "@mk/core";
import { live, until } from "@mk/testing";
import { expect, test } from "vitest";
import { hostScript } from "./script.js";

const namespaces = await live({ needs: ["linux", "root", "program:unshare", "program:mount"] });

namespaces("the host, when the kernel gives its pid to another process", () => {
  /** Lets the kernel give `pid` next, in the script's own pid namespace. */
  const NEXT = `
    const { writeFileSync } = await import("node:fs");
    // Node starts its pool of threads, which take pids too, with the first call that needs it.
    await (await import("node:fs/promises")).stat("/");
    const next = (pid) => writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const soon = AbortSignal.timeout(20000);`;

  test("does not believe it alive, does not signal it, and does not wait for it", async () => {
    await using script = await hostScript(`${NEXT}
      next(5000);
      const first = await host.processes.spawnDaemon("sleep", ["60"]);
      await host.processes.signal(first.identity, "SIGKILL");
      await first.exited;
      // So that the start times, counted in ticks of 10 ms, differ as they would after a wrap of all pids.
      await host.delay(30, soon);
      next(5000);
      const victim = await host.processes.spawnDaemon("sleep", ["60"]);
      const answer = {
        pids: [first.identity.pid, victim.identity.pid],
        alive: await host.processes.isAlive(first.identity),
        signalled: await host.processes.signal(first.identity, "SIGKILL"),
      };
      await host.processes.waitGone(first.identity, soon);
      answer.victimAlive = await host.processes.isAlive(victim.identity);
      await host.processes.signal(victim.identity, "SIGKILL");
      await victim.exited;
      console.log(JSON.stringify(answer));`);
    expect(await script.run(["unshare", "--pid", "--fork", "--mount-proc"])).toEqual({
      pids: [5000, 5000],
      alive: false,
      signalled: false,
      victimAlive: true,
    });
  });

  test("nor when the other process is another user's", async () => {
    await using script = await hostScript(`${NEXT}
      next(5000);
      const first = await host.processes.spawnDaemon("sleep", ["60"]);
      await host.processes.signal(first.identity, "SIGKILL");
      await first.exited;
      await host.delay(30, soon);
      next(5000);
      const { spawn } = await import("node:child_process");
      const victim = spawn("sleep", ["60"], { uid: 65534, gid: 65534, stdio: "ignore" });
      // An ordinary user can see that the process is there, but neither read its executable nor signal it.
      process.setgid(65533);
      process.setuid(65533);
      console.log(JSON.stringify({
        pid: victim.pid,
        alive: await host.processes.isAlive(first.identity),
        signalled: await host.processes.signal(first.identity, "SIGKILL"),
        name: (await host.processes.identify(victim.pid)).executable,
      }));
      // The namespace ends with its first process, and takes the victim with it.
      process.exit();`);
    expect(await script.run(["unshare", "--pid", "--fork", "--mount-proc"])).toEqual({
      pid: 5000,
      alive: false,
      signalled: false,
      name: "[sleep]",
    });
  });
});

namespaces("the host, after a reboot", () => {
  test("takes no process and no cached fact of before for one of now", async () => {
    await using script = await hostScript(`
      const { readFileSync, writeFileSync, existsSync } = await import("node:fs");
      const { execFileSync } = await import("node:child_process");
      const { createNodeHost: again } = await import("./host/node-host.mjs");
      const daemon = await host.processes.spawnDaemon("sleep", ["60"]);
      await host.cache.write("kvm", true);
      const before = await host.bootId();
      const file = process.argv[1] + ".boot";
      writeFileSync(file, "00000000-1111-2222-3333-444444444444\\n");
      execFileSync("mount", ["--bind", file, "/proc/sys/kernel/random/boot_id"]);
      const rebooted = again({ home: process.argv[1].replace("script.mjs", "home") });
      console.log(JSON.stringify({
        sameBoot: before === (await rebooted.bootId()),
        cached: [await host.cache.read("kvm"), (await rebooted.cache.read("kvm")) ?? null],
        alive: [await host.processes.isAlive(daemon.identity), await rebooted.processes.isAlive(daemon.identity)],
        signalled: await rebooted.processes.signal(daemon.identity, "SIGKILL"),
        unharmed: await host.processes.isAlive(daemon.identity),
      }));
      await host.processes.signal(daemon.identity, "SIGKILL");
      await daemon.exited;`);
    expect(await script.run(["unshare", "--mount"])).toEqual({
      sameBoot: false,
      cached: [true, null],
      alive: [true, false],
      signalled: false,
      unharmed: true,
    });
  });
});

const traced = await live({ needs: ["linux", "program:strace"] });

traced("a file that is written", () => {
  test("is synced before it gets its name, and its directory after that", async () => {
    await using script = await hostScript(`
      await host.files.write(process.argv[1] + ".state", "contents");
      console.log("{}");`);
    const log = script.directory.join("log");
    await script.run(["strace", "-f", "-y", "-qq", "-o", log, "-e", "trace=fsync,rename"]);
    const calls = (await readFile(log, "utf8"))
      .split("\n")
      .flatMap((line) => /\b(fsync|rename)\((.*)\) += 0/.exec(line)?.slice(1).join(" ") ?? []);
    expect(calls).toEqual([
      expect.stringMatching(/^fsync .*\.mk-\d+-[0-9a-f]+\.tmp/),
      expect.stringMatching(/^rename .*\.tmp".*\.state"$/),
      expect.stringContaining(`<${script.directory.path}>`),
    ]);
  });

  test("is old or new, whole, when mk is killed at any of its system calls", async () => {
    await using script = await hostScript(`await host.files.write(process.argv[1] + ".state", "new".repeat(5000));`);
    const state = `${script.path}.state`;
    const seen = new Set<string>();
    let kills = 0;
    for (const call of ["pwrite64", "fchmod", "fsync", "rename"]) {
      for (let when = 1; ; when++) {
        await writeFile(state, "old");
        // strace counts for each thread: with one thread the count is the program's.
        const child = spawn("strace", [...killAt(call, when), process.execPath, script.path], {
          stdio: "ignore",
          env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
        });
        const [code, signal] = await once(child, "exit");
        const text = await readFile(state, "utf8");
        expect(["old", "new".repeat(5000)]).toContain(text);
        seen.add(text === "old" ? "old" : "new");
        if (code === 0 && signal === null) break;
        kills++;
      }
    }
    expect(kills).toBeGreaterThan(0);
    expect([...seen].sort()).toEqual(["new", "old"]);
  });
});

function killAt(call: string, when: number): readonly string[] {
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${when}`];
  return ["-f", "-qq", "-o", "/dev/null", ...inject];
}

const FAULTS = [
  ["ENOSPC", "NO_SPACE"],
  ["EDQUOT", "NO_SPACE"],
  ["EROFS", "IO_FAILED"],
  ["EIO", "IO_FAILED"],
  ["EMFILE", "IO_FAILED"],
  ["EACCES", "PERMISSION_DENIED"],
] as const;

traced("a file whose writing fails", () => {
  test.each(FAULTS)(
    "by %s keeps its old contents, has no leftovers beside it, and is named with %s",
    async (errno, code) => {
      await using script = await hostScript(`
      const path = process.argv[1] + ".state";
      const error = await host.files.write(path, "new".repeat(5000)).then(() => undefined, (error) => error);
      console.log(JSON.stringify(error === undefined ? {} : { code: error.code, isNamed: error.message.includes(path) }));`);
      const state = `${script.path}.state`;
      let faults = 0;
      for (const call of ["pwrite64", "fsync", "rename"]) {
        for (let when = 1; ; when++) {
          await writeFile(state, "old");
          const answer = await script.run([
            ...["env", "UV_THREADPOOL_SIZE=1", "strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`],
            ...["-e", `inject=${call}:error=${errno}:when=${when}`],
          ]);
          if (JSON.stringify(answer) === "{}") break;
          faults++;
          expect(answer).toEqual({ code, isNamed: true });
          // The last fsync is the directory's: the file has its new contents by then, whole.
          expect(["old", "new".repeat(5000)]).toContain(await readFile(state, "utf8"));
          expect((await readdir(script.directory.path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
        }
        expect(await readFile(state, "utf8")).toBe("new".repeat(5000));
      }
      expect(faults).toBe(4);
    },
  );
});

const terminal = await live({ needs: ["linux", "program:script"] });

terminal("Ctrl-C at the terminal", () => {
  test("reaches mk, but neither its daemons nor the programs it runs", async () => {
    await using script = await hostScript(`
      const { writeFileSync } = await import("node:fs");
      const daemon = await host.processes.spawnDaemon("sleep", ["60"]);
      const running = host.run("sh", ["-c", "echo up >" + process.argv[1] + ".up; sleep 1; echo done"]);
      process.once("SIGINT", async () => {
        const { stdout } = await running;
        writeFileSync(process.argv[1] + ".answer", JSON.stringify({ identity: daemon.identity, stdout }));
        process.exit(130);
      });
      setInterval(() => undefined, 1000);`);
    // script(1) gives its child a terminal, and passes on what it reads: 3 is Ctrl-C.
    const command = `'${process.execPath}' '${script.path}'`;
    const child = spawn("script", ["-qfc", command, "/dev/null"], { stdio: ["pipe", "ignore", "inherit"] });
    const read = (name: string): Promise<string | undefined> =>
      readFile(`${script.path}.${name}`, "utf8").catch(() => undefined);
    await until("the program runs", () => read("up"));
    child.stdin.write("\x03");
    const answer = JSON.parse(await until("mk heard of it", () => read("answer")));
    expect(answer.stdout).toBe("done\n");
    const { processes } = createNodeHost();
    expect(await processes.isAlive(answer.identity)).toBe(true);
    await processes.signal(answer.identity, "SIGKILL");
    child.stdin.end();
    if (child.exitCode === null) await once(child, "exit");
  });
});
