import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { createNodeHost, type Host, valueEntry } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doctor } from "../src/commands/doctor.js";
import type { Context } from "../src/context.js";
import { Output } from "../src/terminal/output.js";
import { FAKE_DRIVER, type MkOptions, mk, startMk, written } from "./run-mk.js";

let place: TemporaryDirectory;
let options: MkOptions;

beforeAll(async () => {
  place = await temporaryDirectory();
  options = { home: place.join("home") };
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]) => mk(args, options);

describe("a machine from start to delete", () => {
  it("is started, and the summary says what it is and what to do next", async () => {
    const { exitCode, stdout, stderr } = await run(
      "start",
      "--driver=fake",
      "--fake-mood=bad",
      "--cpus",
      "3",
      "-m",
      "2g",
    );
    expect(stderr).toContain("Using driver fake");
    expect(stdout).toMatch(/^mk is running: driver fake, 3 CPUs, 2 GiB memory/);
    for (const next of ["In all", "mk ssh", 'eval "$(mk env)"', "mk stop"]) expect(stdout).toContain(next);
    expect(exitCode).toBe(0);
  });

  it("is started again without harm", async () => {
    expect((await run("start")).exitCode).toBe(0);
    expect((await run("start", "--driver=pretend")).exitCode).toBe(0);
  });

  it("is listed and described, for people and for programs", async () => {
    expect((await run("list")).stdout).toMatch(/NAME +DRIVER +STATE.*\nmk +fake +running +3 +2 GiB/);
    expect((await run("ls", "-q")).stdout).toBe("mk\n");
    const listed = JSON.parse((await run("list", "-o", "json")).stdout);
    expect(listed).toMatchObject([
      { name: "mk", driver: "fake", spec: { cpus: 3, memoryMiB: 2048 }, status: { state: "running" } },
    ]);
    expect((await run("status", "-q")).stdout).toBe("running\n");
    expect(JSON.parse((await run("status", "--output=json")).stdout)).toMatchObject({ name: "mk" });
  });

  it("runs commands with arguments, input and exit code as given", async () => {
    const { stdout, exitCode } = await mk(["ssh", "--", "sh", "-c", 'cat; echo "$1"; exit 7', "x", "a b'c\"$d"], {
      ...options,
      input: "from stdin\n",
    });
    expect(stdout).toBe("from stdin\na b'c\"$d\n");
    expect(exitCode).toBe(7);
  });

  it("has files copied to it and from it, into directories that are named with a slash", async () => {
    await mkdir(place.join("sent"));
    // The fake guest's home is the working directory.
    for (const contents of ["old", "new"]) {
      await writeFile(place.join("sent", "file"), contents);
      for (const [source, target] of [
        ["sent", "mk:~/received/"],
        ["sent/file", ":received/"],
        ["mk:~/sent", "fetched/"],
        [":sent/file", "fetched/"],
      ] as const) {
        expect(await run("cp", source, target)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
      }
    }
    for (const directory of ["received", "fetched"]) {
      expect((await readdir(place.join(directory), { recursive: true })).sort()).toEqual(["file", "sent", "sent/file"]);
      expect(await readFile(place.join(directory, "sent", "file"), "utf8")).toBe("new");
    }
    expect(await run("cp", "sent", "mk:~root/x")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("~root"),
    });
  });

  it("has several files copied at once, into a directory", async () => {
    await mkdir(place.join("several"));
    for (const name of ["a", "b"]) await writeFile(place.join("several", name), name);
    for (const [sources, target] of [
      [["several/a", "several/b", "several"], "mk:~/together"],
      [[":several/a", "mk:several/b", ":several"], "apart"],
    ] as const) {
      expect(await run("cp", "-r", ...sources, target)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
      expect((await readdir(place.join(target.replace(/^.*\//, "")))).sort()).toEqual(["a", "b", "several"]);
    }
    const file = place.join("several", "a");
    for (const words of [
      ["several/b", "several", `mk:${file}`],
      [":several/b", ":several", file],
    ]) {
      const { exitCode, stderr } = await run("cp", ...words);
      expect(exitCode).toBeGreaterThan(10);
      expect(stderr).toMatch(/several\/a.*(not a directory|exists)/i);
    }
    expect(await readFile(file, "utf8")).toBe("a");
  });

  it.each([
    [["several/a", ":several/b", "mk:x"], "exactly one of source and target"],
    [["-p", "box", "mk:several/a", "."], 'both "mk" and --profile "box"'],
  ])("is not copied from or to by %j", async (words, reason) => {
    expect(await run("cp", ...words)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(reason) });
  });

  it("is reached by its address and endpoints", async () => {
    expect((await run("ip")).stdout).toBe("192.0.2.7\n");
    expect((await run("endpoint", "2376")).stdout).toBe("127.0.0.1:42376\n");
    expect(JSON.parse((await run("endpoint", "80", "-o", "json")).stdout)).toEqual({ host: "127.0.0.1", port: 40_080 });
  });

  it("has an environment for each shell, and for programs", async () => {
    expect((await run("env", "--shell=fish")).stdout).toContain("set -gx DOCKER_HOST 'tcp://127.0.0.1:42376';");
    // null: the variable must not be set.
    expect(JSON.parse((await run("env", "-o", "json")).stdout)).toMatchObject({
      DOCKER_HOST: "tcp://127.0.0.1:42376",
      DOCKER_TLS_VERIFY: null,
      MK_ACTIVE_DOCKER_HOST: "tcp://127.0.0.1:42376",
    });
    expect(JSON.parse((await run("env", "--unset", "-o", "json")).stdout)).toMatchObject({
      DOCKER_HOST: null,
      MK_ACTIVE_DOCKER_HOST: null,
    });
    expect((await mk(["start"], { ...options, env: { SHELL: "/usr/bin/fish" } })).stdout).toContain("mk env | source");
  });

  it("is excepted from the proxy that is set, in each shell, unless it is reached by loopback", async () => {
    const proxied = { HTTPS_PROXY: "http://proxy.example:3128", no_proxy: "a" };
    const env = (shell: string, more: MkOptions["env"]) =>
      mk(["env", `--shell=${shell}`], { ...options, env: { ...proxied, ...more } });
    for (const [shell, statement] of [
      ["sh", "export no_proxy='a,fd00::7'"],
      ["fish", "set -gx no_proxy 'a,fd00::7';"],
      ["powershell", "$Env:no_proxy = 'a,fd00::7'"],
    ] as const) {
      expect((await env(shell, { FAKE_ADDRESS: "fd00::7" })).stdout.split("\n")).toContain(statement);
    }
    expect((await env("sh", {})).stdout).not.toContain("no_proxy");
    const unset = await mk(["env", "--unset"], { ...options, env: { ...proxied, FAKE_ADDRESS: "fd00::7" } });
    expect(unset.stdout).not.toContain("no_proxy");
  });

  it("shows its console, or the last lines of it", async () => {
    expect((await run("logs")).stdout).toBe("first line\nsecond line\nthird line\n");
    expect((await run("logs", "-n", "2")).stdout).toBe("second line\nthird line\n");
    expect((await run("logs", "--lines=99")).stdout).toBe("first line\nsecond line\nthird line\n");
  });

  it.each([
    ["all of it once", [], "600", /^first line\nsecond line\nthird line\nagain\n/],
    ["from its last lines on", ["-n", "1"], "600", /^third line\nagain\n/],
    ["from its last lines on, if the guest never stops writing", ["-n", "1"], "50", /^again\n/],
  ])("has its console followed, %s, until a signal ends it", async (_, flags, everyMs, expected) => {
    const child = startMk(["logs", "-f", ...flags], { ...options, env: { FAKE_CONSOLE_MS: everyMs } });
    const text = await written(child.stdout, /again\n/);
    child.kill("SIGTERM");
    await once(child, "close");
    expect(child.exitCode).toBe(143);
    expect(text).toMatch(expected);
  });

  it("is paused and resumed", async () => {
    expect((await run("pause")).exitCode).toBe(0);
    expect(await run("status", "-q")).toMatchObject({ stdout: "paused\n", exitCode: 6 });
    expect((await run("resume")).exitCode).toBe(0);
    expect(await run("status", "-q")).toMatchObject({ stdout: "running\n", exitCode: 0 });
  });

  it("says what other settings would cost and does nothing", async () => {
    const { stdout } = await run("start", "--dry-run", "--fake-mood=good", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject([{ from: "bad", to: "good", cost: expect.any(String) }]);
    expect((await run("start", "--dry-run")).stdout).toBe("Nothing would change.\n");
  });

  it("is stopped, and a stopped machine has no address", async () => {
    expect((await run("stop")).stdout).toBe("mk is off.\n");
    expect((await run("ip")).exitCode).toBe(6);
    expect((await run("ssh", "--", "true")).exitCode).toBe(6);
  });

  it("is deleted, and then there is none", async () => {
    expect((await run("rm")).exitCode).toBe(0);
    for (const command of ["status", "stop", "ip", "env", "delete", "logs", "restart", "pause", "ssh-config"]) {
      expect(await run(command), command).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining("MACHINE_ABSENT"),
      });
    }
    expect(await run("list")).toMatchObject({ exitCode: 0, stdout: "" });
  });
});

describe("more than one machine", () => {
  it("are told apart by argument, --profile, MK_PROFILE and the user's config, and --all means all", async () => {
    for (const name of ["one", "two"]) expect((await run("start", name)).exitCode).toBe(0);
    expect((await run("status", "-p", "one", "-q")).exitCode).toBe(0);
    expect((await mk(["status", "-q"], { ...options, env: { MK_PROFILE: "two" } })).exitCode).toBe(0);
    await run("config", "set", "profile", "two");
    expect((await run("stop")).stdout).toBe("two is off.\n");
    await run("config", "unset", "profile");
    expect((await run("stop", "one", "-p", "two")).exitCode).toBe(2);
    expect((await run("stop", "one", "--all")).exitCode).toBe(2);
    expect((await run("stop", "--all")).stdout).toBe("one is off.\n");
    expect((await run("stop", "--all")).stderr).toBe("No machine runs.\n");
    expect((await run("delete", "--all")).stdout).toBe("one is deleted.\ntwo is deleted.\n");
    expect(await run("delete", "--all")).toEqual({ stdout: "", stderr: "There are no machines.\n", exitCode: 0 });
  });

  it("have all their turn where several are named, whatever becomes of the others", async () => {
    for (const name of ["one", "two"]) expect((await run("start", name)).exitCode).toBe(0);
    for (const [command, stdout] of [
      ["restart", "one is running.\ntwo is running.\n"],
      ["stop", "one is off.\ntwo is off.\n"],
      ["delete", "one is deleted.\ntwo is deleted.\n"],
    ] as const) {
      const result = await run(command, "one", "none", "two");
      expect(result).toMatchObject({ stdout, stderr: expect.stringContaining("none"), exitCode: 4 });
    }
    expect(await run("stop", "one", "two", "-p", "one")).toMatchObject({ exitCode: 2 });
  });
});

describe("--output json", () => {
  it("writes the events of an operation as CloudEvents, one a line, and nothing else", async () => {
    const { stdout, stderr } = await run("start", "events", "-o", "json");
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const event of events) {
      expect(event).toMatchObject({
        specversion: "1.0",
        id: expect.any(String),
        source: "mk:///machines/events",
        type: `dev.mk.${event.data.type}.v1`,
        datacontenttype: "application/json",
      });
    }
    const types = new Set(events.map((event) => event.data.type));
    for (const type of [
      "driver.selected",
      "operation.started",
      "step.started",
      "step.progress",
      "operation.finished",
    ]) {
      expect(types).toContain(type);
    }
    expect(stderr).toBe("");
    await run("delete", "events");
  });

  it("writes an error as one line of JSON on standard error", async () => {
    const { stdout, stderr, exitCode } = await run("status", "nobody", "-o", "json");
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "MACHINE_ABSENT", hint: expect.any(String) } });
    expect(exitCode).toBe(4);
    expect(JSON.parse((await run("status", "nobody", "-qo", "json")).stderr).error.code).toBe("MACHINE_ABSENT");
    // The last one counts.
    expect((await run("status", "nobody", "-o", "json", "-o", "text")).stderr).toMatch(/^mk: /);
    // A mistake in argv itself too.
    expect(JSON.parse((await run("--output=json", "stat")).stderr)).toMatchObject({
      error: { code: "UNKNOWN_COMMAND" },
    });
  });
});

describe("--quiet and colours", () => {
  it("prints nothing about a start that succeeded", async () => {
    expect(await run("start", "silent", "--quiet")).toEqual({ stdout: "", stderr: "", exitCode: 0 });
    await run("delete", "silent", "-q");
  });

  it("are off where nobody sees them, and wherever the user says so", async () => {
    const escapeSequence = "\u001b[";
    expect((await run("status", "nobody")).stderr).not.toContain(escapeSequence);
    const forced = { ...options, env: { FORCE_COLOR: "1" } };
    expect((await mk(["status", "nobody"], forced)).stderr).toContain(escapeSequence);
    expect((await mk(["status", "nobody", "--no-color"], forced)).stderr).not.toContain(escapeSequence);
    expect(
      (await mk(["status", "nobody"], { ...options, env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stderr,
    ).not.toContain(escapeSequence);
  });
});

describe("drivers", () => {
  it("are listed with where they come from, found and skipped", async () => {
    const { found, skipped } = JSON.parse((await run("driver", "list", "-o", "json")).stdout);
    expect(found).toContainEqual(
      expect.objectContaining({ name: "fake", aliases: ["pretend"], origin: "mk-driver-fake@1.2.3" }),
    );
    const hyperkit = [...found, ...skipped].find(({ name }: { name: string }) => name === "hyperkit");
    if (process.platform !== "darwin")
      expect(hyperkit).toMatchObject({ reason: `needs darwin, this is ${process.platform}` });
  });

  it("show their state and options", async () => {
    const { stdout } = await run("driver", "info", "pretend");
    for (const text of [
      "a machine that only pretends",
      "ready",
      "9.9",
      "--fake-mood <good|bad>",
      "MK_FAKE_PATIENCE",
      "from 1 to 9",
    ]) {
      expect(stdout).toContain(text);
    }
    expect((await run("start", "--driver=fake", "--help")).stdout).toContain("--fake-password <text>");
    expect((await run("start", "--help")).stdout).not.toContain("--fake");
  });

  it("are examined by the doctor, whose exit code says whether one is ready", async () => {
    expect(await run("doctor", "fake")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("fake is ready"),
    });
    const missing = await mk(["doctor", "fake"], { ...options, env: { FAKE_STATUS: "missing" } });
    expect(missing).toMatchObject({
      exitCode: 10,
      stdout: expect.stringContaining("the fake program is not installed"),
    });
  });

  it("are repaired by the doctor only after the command was shown and confirmed", async () => {
    const { stderr, exitCode } = await mk(["doctor", "fake", "--fix"], { ...options, env: { FAKE_STATUS: "missing" } });
    expect(stderr).toMatch(/fake-package|no packages for this system/);
    if (stderr.includes("fake-package")) {
      expect(stderr).toContain("--yes");
      expect(stderr).not.toContain("'");
    }
    expect(exitCode).toBe(10);
  });

  it("are not repaired by the doctor where root is needed and there is no sudo", async () => {
    const bin = place.join("no-sudo");
    await mkdir(bin);
    await writeFile(place.join("no-sudo", "apt-get"), "#!/bin/sh\n", { mode: 0o755 });
    const env = { PATH: bin, FAKE_STATUS: "missing" };
    const real = createNodeHost({ home: options.home, env });
    // Whoever runs the tests may be root.
    const host: Host = { ...real, platform: "linux", user: { ...real.user, uid: 1000 } };
    const driver = (await import(pathToFileURL(join(FAKE_DRIVER, "index.js")).href)).default;
    const context = {
      env,
      stderr: new Output(new PassThrough().resume()),
      signal: new AbortController().signal,
      host: async () => host,
      discover: async () => ({ found: [valueEntry(driver)], skipped: [] }),
    };
    await expect(doctor(context as unknown as Context, ["fake"], { fix: true, yes: true })).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
      message: expect.stringContaining("sudo"),
      hint: "Run the command above as root.",
    });
  });
});

describe("guest images", () => {
  it("that are damaged are listed with what to do about it", async () => {
    const home = place.join("images");
    const digest = "0".repeat(64);
    await mkdir(join(home, "cache", "images", digest), { recursive: true });
    await writeFile(join(home, "cache", "images", digest, "manifest.json"), "{}");
    const { stdout, stderr } = await mk(["image", "list"], { home });
    expect(stdout).toMatch(/^0{12} +damaged$/m);
    expect(stderr).toMatch(/changed since it was built.*mk image remove sha256:0{64}/);
  });
});

describe("settings", () => {
  it("are set, read, listed and removed, and are the defaults of new machines", async () => {
    await run("config", "set", "cpus", "4");
    await run("config", "set", "memory", "3g");
    await run("config", "set", "fake.mood", "bad");
    expect((await run("config", "get", "memory")).stdout).toBe("3g\n");
    expect((await run("config", "list")).stdout).toBe("cpus       4\nfake.mood  bad\nmemory     3g\n");
    expect((await run("start", "configured")).stdout).toContain("4 CPUs, 3 GiB memory");
    await run("delete", "configured");
    for (const name of ["cpus", "memory", "fake.mood"]) await run("config", "unset", name);
    expect(await run("config", "get", "cpus")).toMatchObject({ stdout: "", exitCode: 1 });
  });

  it.each([
    [["set", "cpus", "0x3"], "INVALID_ARGUMENT"],
    [["set", "memory", "1e9"], "INVALID_ARGUMENT"],
    [["set", "cpu", "3"], "CONFIG_INVALID"],
    [["set", "fake.mod", "x"], "INVALID_OPTION"],
    [["set", "fake.mood", "x"], "INVALID_OPTION"],
    [["set", "qmeu.x", "x"], "DRIVER_UNKNOWN"],
    [["set", "profile", ".."], "CONFIG_INVALID"],
    [["set", "driver", "fkae"], "DRIVER_UNKNOWN"],
    [["set", "isolate", "fake:admin"], "CONFIG_INVALID"],
    [["get", "nonsense"], "CONFIG_INVALID"],
  ])("config %j is %s", async (args, code) => {
    const { stderr, exitCode } = await run("config", ...args, "-o", "json");
    expect(JSON.parse(stderr).error.code).toBe(code);
    expect(exitCode).toBeGreaterThan(1);
  });
});

describe("help, version and completion", () => {
  it("print the version alone for --version, and all versions for version", async () => {
    expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
    for (const words of [["-V"], ["--version", "-q"], ["start", "--version"]])
      expect((await run(...words)).stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
    expect((await run("version")).stdout).toMatch(/^mk \d.*core.*Node/);
  });

  it("show help for every command, and for mk alone", async () => {
    expect(await run()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Usage:") });
    expect((await run("--help")).stdout).toBe((await run("help")).stdout);
    expect((await run("help", "driver", "add")).stdout).toContain("mk driver add <package>...");
    expect(await run("driver")).toMatchObject({ exitCode: 2, stdout: expect.stringContaining("driver list") });
    expect(await run("help", "nonsense")).toMatchObject({ exitCode: 2 });
  });

  it.each([
    [["st"], /^start\t/m],
    [["start", "--driver", ""], /^fake\t/m],
    [["start", "--driver=f"], /^--driver=fake\t/m],
    [["start", "--driver=fake", "--fake-m"], /^--fake-mood\thow it feels$/m],
    [["start", "--driver=fake", "--fake-mood", ""], /^good$/m],
    [["driver", "in"], /^info\t/m],
    [["config", "set", "fake.m"], /^fake\.mood\t/m],
    [["stop", "--fo"], /^--force\t/m],
    [["--output", "j"], /^json$/m],
    [["ssh", "--", "x"], /^:files$/m],
    [["cp", "a", "b", "./c"], /^:files$/m],
    [["nonsense", ""], /^$/],
  ])("complete %j", async (words, expected) => {
    expect((await run("__complete", "--", ...words)).stdout).toMatch(expected);
  });

  it.each(["bash", "zsh", "fish", "powershell"])("print a completion script for %s", async (shell) => {
    expect((await run("completion", shell)).stdout).toContain("mk __complete");
  });
});
