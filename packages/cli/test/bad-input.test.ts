import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ERROR_CODES } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BIN, FAKE_DRIVER, type MkResult, mk, startMk, textOf, written } from "./run-mk.js";

let place: TemporaryDirectory;
let home: string;

beforeAll(async () => {
  place = await temporaryDirectory();
  home = place.join("home");
  await mkdir(place.join("sentinel"));
  await writeFile(place.join("sentinel", "file"), "untouched");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]) => mk(args, { home });

/** Every failure is typed, says what to do, and ends with its own exit code; never a stack trace. */
function expectError(result: MkResult, code: keyof typeof ERROR_CODES): void {
  expect(result.stderr).toContain(`(${code})`);
  expect(result.stderr).not.toMatch(/^\s+at /m);
  expect(result.stderr.trimEnd().split("\n").length, "there is a hint").toBeGreaterThan(1);
  expect(result.exitCode).toBe(ERROR_CODES[code].exitCode);
}

describe("names of machines", () => {
  const names = [
    "..",
    ".",
    "-x",
    "",
    "a/b",
    "../sentinel",
    "/etc",
    "a\\b",
    "a".repeat(64),
    "é",
    "名前",
    "A B",
    "a\nb",
    "con",
    "xn--a",
    "a_b",
    "*",
  ];

  it.each(names)("%j is refused by start", async (name) => {
    expectError(await run("start", "--driver=fake", "--", name), "INVALID_NAME");
  });

  it.each(["stop", "delete", "status", "ip", "env", "logs", "ssh-config", "pause"])(
    "that lead elsewhere are refused by %s",
    async (command) => {
      for (const name of ["..", "../sentinel"]) expectError(await run(command, "--", name), "INVALID_NAME");
      expectError(await run(command, "-p", "../sentinel"), "INVALID_NAME");
      expect(await readFile(place.join("sentinel", "file"), "utf8")).toBe("untouched");
    },
  );
});

describe("numbers and units", () => {
  it.each([
    ["--memory", "-1"],
    ["--memory", "1e9"],
    ["--memory", "0x10"],
    ["--memory", "NaN"],
    ["--memory", ""],
    ["--memory", "2gg"],
    ["--memory", "2"],
    ["--disk-size", "99999999999t"],
    ["--cpus", "1.5"],
    ["--cpus", "0"],
    ["--cpus", "max"],
    ["--arch", "mips"],
    ["--port", "70000:80"],
    ["--mount", "nowhere"],
    ["--allow", "all"],
    ["--timeout", "-5"],
    ["--output", "yaml"],
  ])("%s %j is refused", async (flag, value) => {
    expectError(await run("start", "--driver=fake", flag, value), "INVALID_ARGUMENT");
  });

  it.each([
    ["--fake-mood", "medium"],
    ["--fake-patience", "10"],
    ["--fake-patience", "1e0"],
    ["--fake-loud=maybe", ""],
  ])("%s %s is refused for the driver's option", async (flag, value) => {
    expectError(await run("start", flag, ...(value === "" ? [] : [value])), "INVALID_OPTION");
  });

  it("never repeats a secret", async () => {
    const { stdout, stderr } = await run("start", "secretive", "--fake-password=hunter2", "-o", "json");
    expect(stdout + stderr).not.toContain("hunter2");
    expect((await run("start", "secretive", "--fake-password=hunter3", "--dry-run")).stdout).not.toMatch(/hunter/);
    await run("delete", "secretive");
  });
});

describe("drivers", () => {
  it("that are mistyped are suggested", async () => {
    const result = await run("start", "--driver=fkae");
    expectError(result, "DRIVER_UNKNOWN");
    expect(result.stderr).toContain("--driver=fake");
  });

  it("that are unknown say what to install", async () => {
    const result = await run("start", "--driver=nonsense");
    expectError(result, "DRIVER_UNKNOWN");
    expect(result.stderr).toContain("mk driver add");
  });

  it.skipIf(process.platform === "darwin")("of another system are refused with the reason", async () => {
    const result = await run("start", "--driver=hyperkit");
    expectError(result, "DRIVER_UNSUPPORTED");
    expect(result.stderr).toContain("needs darwin");
  });

  it("that are not ready are passed over when none is named, with reasons when none is left", async () => {
    const { exitCode, stderr } = await mk(["doctor", "fake", "-o", "json"], { home, env: { FAKE_STATUS: "missing" } });
    expect([exitCode, stderr]).toEqual([10, ""]);
  });

  it("whose flags do not fit the named driver are refused", async () => {
    const result = await run("start", "--driver=fake", "--fake-moood=bad");
    expectError(result, "UNKNOWN_COMMAND");
    expect(result.stderr).toContain("Did you mean: --fake-mood");
  });

  it("that vanish leave their machines listed with the command that brings them back", async () => {
    await run("start", "orphan");
    const gone = { home, driverPath: place.join("nowhere") };
    const { stdout, exitCode } = await mk(["list", "-o", "json"], gone);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "orphan", driver: "fake", problem: { hint: expect.any(String) } },
    ]);
    expect((await mk(["delete", "orphan"], gone)).exitCode).toBe(10);
    expect((await run("delete", "orphan")).exitCode).toBe(0);
  });
});

describe("what was meant", () => {
  it.each([
    [["stat"], "mk status"],
    [["driver", "lst"], "mk driver list"],
    [["driver:list"], "mk driver list"],
    [["Driver", "list"], "mk driver\n"],
    [["start", "--image", "abc"], "mk image list"],
    [["help", "strat"], "mk start"],
    [["start", "--memry=2g"], "--memory"],
    [["ssh", "mk", "uname", "-a"], "mk ssh [name] -- <command>"],
    [["ssh", "cat", "/etc/hosts"], "mk ssh [name] -- <command>"],
    [["config", "set", "qemu.accel", "tcg"], "--qemu-accelerator"],
    [["port-forward", "http"], "8080:80"],
  ])("by %j is said", async (args, hint) => {
    const { stderr, exitCode } = await run(...args);
    expect(stderr).toContain(hint);
    expect(exitCode).toBe(2);
  });
});

describe("a hostile working directory", () => {
  it("has no say: nothing of it runs", async () => {
    const hostile = place.join("hostile");
    const trap = "require('node:fs').writeFileSync(process.env.TRAP, 'sprung')";
    const files = {
      "node_modules/@mk/driver-evil/package.json": JSON.stringify({
        name: "@mk/driver-evil",
        version: "1.0.0",
        mk: { driver: "evil", api: 1 },
        main: "i.cjs",
      }),
      "node_modules/@mk/driver-evil/i.cjs": trap,
      "node_modules/@mk/core/package.json": JSON.stringify({ name: "@mk/core", version: "9.0.0", main: "i.cjs" }),
      "node_modules/@mk/core/i.cjs": trap,
      "package.json": JSON.stringify({ type: "commonjs", mk: { driver: "evil" } }),
      ".mkrc": "{}",
      ".npmrc": "script-shell=./sh",
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(hostile, path)), { recursive: true });
      await writeFile(join(hostile, path), text);
    }
    for (const program of ["docker-machine-driver-evil", "qemu-img", "ssh", "docker", "sh"]) {
      await writeFile(join(hostile, program), '#!/bin/sh\necho sprung > "$TRAP"\n', { mode: 0o755 });
    }
    const env = { TRAP: place.join("trap"), PATH: ".::/usr/bin:/bin:", NODE_PATH: join(hostile, "node_modules") };
    for (const args of [
      ["driver", "list"],
      ["driver", "info", "evil"],
      ["doctor", "fake"],
      ["start", "--driver=evil"],
      ["start", "safe"],
      ["ssh", "safe", "--", "true"],
      ["delete", "safe"],
    ]) {
      const { stdout } = await mk(args, { home, cwd: hostile, env });
      expect(stdout).not.toContain("evil");
    }
    expect(await readdir(place.path)).not.toContain("trap");
  });
});

describe("broken files", () => {
  it("a config that does not parse is named, and can be repaired", async () => {
    const own = place.join("broken-config");
    await mkdir(own, { mode: 0o700 });
    await writeFile(join(own, "config.json"), "{ nonsense");
    const result = await mk(["start"], { home: own });
    expectError(result, "CONFIG_INVALID");
    expect(result.stderr).toContain(join(own, "config.json"));
    await writeFile(join(own, "config.json"), '{"cpus":"many"}');
    expectError(await mk(["start"], { home: own }), "CONFIG_INVALID");
    expect((await mk(["config", "unset", "cpus"], { home: own })).exitCode).toBe(0);
    expect((await mk(["start", "--driver=fake"], { home: own })).exitCode).toBe(0);
  });

  it("a machine whose config does not parse is listed with its problem, and others still work", async () => {
    const own = place.join("broken-machine");
    for (const name of ["good", "bad"]) await mk(["start", name, "--driver=fake"], { home: own });
    for (const file of await readdir(join(own, "machines", "bad"))) {
      if (file.startsWith("config.json")) await writeFile(join(own, "machines", "bad", file), "{");
    }
    const { stdout, exitCode } = await mk(["list", "-o", "json"], { home: own });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "bad", problem: { code: "CONFIG_CORRUPT" } },
      { name: "good", status: { state: "running" } },
    ]);
    expect((await mk(["stop", "good"], { home: own })).exitCode).toBe(0);
    // Nothing is known of it, so nothing is made up.
    expect((await mk(["status", "bad"], { home: own })).stdout).not.toMatch(/cpus|created/);
    expect((await mk(["delete", "bad", "--forget"], { home: own })).exitCode).toBe(0);
  });

  it("a machine with a good copy of its config is listed with the command that brings it back", async () => {
    const own = place.join("damaged-machine");
    await mk(["start", "--driver=fake"], { home: own });
    await writeFile(join(own, "machines", "mk", "config.json"), "{");
    const [listed] = JSON.parse((await mk(["list", "-o", "json"], { home: own })).stdout);
    expect(listed).toMatchObject({ status: { state: "running" }, problem: { code: "CONFIG_CORRUPT" } });
    expect(listed.problem.hint).toContain("mk start");
    expect((await mk(["start"], { home: own })).exitCode).toBe(0);
    expect((await mk(["list"], { home: own })).stderr).toBe("");
  });
});

describe("homes", () => {
  it.each(["with space", 'it\'s "quoted", ünïcode 名'])("called %j work", async (name) => {
    const own = place.join(name, "mk home");
    await mkdir(place.join(name));
    const start = await mk(["start", "--driver=fake"], { home: own });
    expect(start).toMatchObject({ exitCode: 0 });
    expect((await mk(["status", "-q"], { home: own })).stdout).toBe("running\n");
    expect((await mk(["delete"], { home: own })).exitCode).toBe(0);
  });

  it("that are relative are refused", async () => {
    expectError(await mk(["list"], { home, env: { MK_HOME: "relative" } }), "CONFIG_INVALID");
  });

  it.skipIf(process.platform !== "linux")("that cannot be made are an error", async () => {
    expectError(await mk(["start", "--driver=fake"], { home, env: { MK_HOME: "/proc/mk" } }), "IO_FAILED");
    expect((await mk(["list", "-q"], { home, env: { MK_HOME: "/proc/mk" } })).exitCode).toBe(0);
    for (const command of ["start", "list"])
      expectError(await mk([command], { home, env: { MK_HOME: "/dev/null/mk" } }), "IO_FAILED");
  });

  it("that are links are followed", async () => {
    await mkdir(place.join("real-home"), { mode: 0o700 });
    await symlink(place.join("real-home"), place.join("linked-home"));
    expect((await mk(["start", "--driver=fake", "-q"], { home: place.join("linked-home") })).exitCode).toBe(0);
    expect((await mk(["list", "-q"], { home: place.join("real-home") })).stdout).toBe("mk\n");
  });
});

describe("interruption", () => {
  it.each([
    ["create", []],
    ["start", ["stopped", "absent"]],
  ])("by Ctrl-C while a driver's %s hangs is undone and ends with 130", async (method) => {
    const name = `interrupted-${method}`;
    const child = startMk(["start", name, "--driver=fake", `--fake-hang=${method}`], { home });
    const errors = textOf(child.stderr.on("data", () => {}));
    const waiting = written(child.stderr, /Waiting for nothing/);
    await waiting;
    child.kill("SIGINT");
    await once(child, "close");
    await errors;
    expect(child.exitCode).toBe(130);
    const { stdout } = await run("list", "-o", "json");
    const left = JSON.parse(stdout).filter((machine: { name: string }) => machine.name === name);
    for (const machine of left) expect(["stopped", "absent"]).toContain(machine.status.state);
    if (left.length > 0) expect((await run("delete", name)).exitCode).toBe(0);
  });

  it("a second time ends at once", async () => {
    const child = startMk(["start", "impatient", "--driver=fake", "--fake-hang=create"], { home });
    await written(child.stderr, /Waiting for nothing/);
    child.kill("SIGINT");
    child.kill("SIGINT");
    await once(child, "close");
    expect(child.exitCode).toBe(130);
    expect((await run("start", "impatient", "--driver=fake")).exitCode).toBe(0);
    expect((await run("delete", "impatient")).exitCode).toBe(0);
  });

  it("by SIGTERM ends with 143", async () => {
    const child = startMk(["start", "ended", "--driver=fake", "--fake-hang=create"], { home });
    await written(child.stderr, /Waiting for nothing/);
    child.kill("SIGTERM");
    await once(child, "close");
    expect(child.exitCode).toBe(143);
  });

  it("by SIGTERM ends the program that has the terminal too, even a shell, which does not heed that signal", async () => {
    await run("start", "attached", "--driver=fake");
    const script = "trap '' TERM; echo $$; while :; do sleep 1; done";
    const child = startMk(["ssh", "attached", "--tty", "--", "sh", "-c", script], { home });
    const pid = Number(await written(child.stdout, /\d+\n/));
    child.kill("SIGTERM");
    await once(child, "close");
    expect(child.exitCode).toBe(143);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await run("delete", "attached");
  });

  it.skipIf(process.platform !== "linux").each([
    ["Ctrl-C ends with 130", "\x03", 130],
    ["Ctrl-D means no", "\x04", ERROR_CODES.DRIVER_UNAVAILABLE.exitCode],
  ])("at a question: %s, and nothing runs", async (_, key, exitCode) => {
    const bin = place.join("question");
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, "apt-get"), `#!/bin/sh\necho sprung > ${place.join("trap")}\n`, { mode: 0o755 });
    const command = `'${process.execPath}' '${BIN}' doctor fake --fix`;
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
      env: {
        PATH: `${bin}:/usr/bin:/bin`,
        HOME: place.path,
        MK_HOME: home,
        MK_DRIVER_PATH: FAKE_DRIVER,
        FAKE_STATUS: "missing",
      },
    });
    await written(child.stdout, /\[y\/N\] /);
    const rest = textOf(child.stdout);
    child.stdin.write(key);
    await once(child, "close");
    expect(await rest).not.toMatch(/Warning|mk:/);
    expect(child.exitCode).toBe(exitCode);
    expect(await readdir(place.path)).not.toContain("trap");
  });
});

describe("two at once", () => {
  it("two starts of one machine both end well", async () => {
    const results = await Promise.all([run("start", "twice", "--driver=fake"), run("start", "twice", "--driver=fake")]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect((await run("delete", "twice")).exitCode).toBe(0);
  });

  it("a busy machine names its holder and can still be listed", async () => {
    const child = startMk(["start", "busy", "--driver=fake", "--fake-hang=start"], { home });
    await written(child.stderr, /Waiting for nothing/);
    expect((await run("list", "-q")).stdout).toContain("busy");
    const second = await run("stop", "busy");
    expectError(second, "MACHINE_BUSY");
    expect(second.stderr).toContain(String(child.pid));
    child.kill("SIGINT");
    await once(child, "close");
    await run("delete", "busy");
  });
});

describe("standard streams", () => {
  const spawnWith = (args: readonly string[], stdio: StdioOptions) =>
    spawn(process.execPath, [BIN, ...args], {
      stdio,
      env: { HOME: place.path, PATH: "/usr/bin:/bin", MK_HOME: home, MK_DRIVER_PATH: FAKE_DRIVER },
    });

  it("a reader that goes away does not stop the work", async () => {
    const child = spawnWith(["start", "unread", "--driver=fake"], ["ignore", "pipe", "pipe"]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    expect((await run("status", "unread", "-q")).stdout).toBe("running\n");
    await run("delete", "unread");
  });

  it("a reader that has enough ends a command in the machine without a word", async () => {
    await run("start", "talkative");
    const child = spawnWith(["ssh", "talkative", "--", "yes"], ["ignore", "pipe", "pipe"]);
    const errors = child.stderr === null ? "" : textOf(child.stderr);
    child.stdout?.once("data", () => child.stdout?.destroy());
    await once(child, "close");
    expect(await errors).toBe("");
    expect(child.exitCode).toBe(141);
    await run("delete", "talkative");
  });

  it.skipIf(process.platform !== "linux")("a full disk is told after the work is done", async () => {
    const full = openSync("/dev/full", "w");
    const child = spawnWith(["start", "full", "--driver=fake"], ["ignore", full, "pipe"]);
    const errors = child.stderr === null ? "" : await textOf(child.stderr);
    if (child.exitCode === null) await once(child, "close");
    expect(errors).toContain("NO_SPACE");
    expect(child.exitCode).toBe(13);
    expect((await run("status", "full", "-q")).stdout).toBe("running\n");
    await run("delete", "full");
  });

  it.skipIf(process.platform !== "linux")("a version that cannot be written is told in one line", async () => {
    const child = spawnWith(["--version"], ["ignore", openSync("/dev/full", "w"), "pipe"]);
    const errors = child.stderr === null ? "" : await textOf(child.stderr);
    if (child.exitCode === null) await once(child, "close");
    expect(errors).toMatch(/^mk: the output could not be written: ENOSPC.*\n$/);
    expect(child.exitCode).toBe(13);
  });

  it("a version that nobody reads is no failure", async () => {
    const child = spawnWith(["--version"], ["ignore", "pipe", "pipe"]);
    child.stdout?.destroy();
    const errors = child.stderr === null ? "" : await textOf(child.stderr);
    if (child.exitCode === null) await once(child, "close");
    expect([errors, child.exitCode]).toEqual(["", 0]);
  });

  it("closed standard input is an empty one", async () => {
    await run("start", "deaf", "--driver=fake");
    const child = spawnWith(["ssh", "deaf", "--", "cat"], ["ignore", "pipe", "pipe"]);
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    await run("delete", "deaf");
  });

  it("a terminal that can do nothing and another language change nothing", async () => {
    const { stdout, exitCode } = await mk(["list", "-o", "json"], {
      home,
      env: { TERM: "dumb", LANG: "C", LC_ALL: "tr_TR.UTF-8" },
    });
    expect(exitCode).toBe(0);
    expect(Array.isArray(JSON.parse(stdout))).toBe(true);
  });
});
