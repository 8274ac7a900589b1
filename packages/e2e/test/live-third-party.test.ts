import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { live } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  buildDriver,
  openTerminal,
  type Published,
  publishPackages,
  repack,
  runTool,
  type ToolResult,
} from "../src/index.js";

const FROB = "mk-driver-frob";
const ENTER = "\r";
const CTRL_C = "\u0003";

interface Installed {
  /** Where the packages lie. */
  readonly modules: string;
  readonly env: Readonly<Record<string, string>>;
  mk(...args: readonly string[]): Promise<ToolResult>;
}

/** A driver that throws what only a later core knows. */
const LATER = `import { defineDriver, MkError } from "@mk/core";
const refuse = () => {
  throw new MkError("QUOTA_EXCEEDED", "no more machines today", { hint: "Come back tomorrow." });
};
export default defineDriver({
  name: "later",
  summary: "machines of tomorrow",
  priority: "experimental",
  traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
  options: {},
  status: async () => ({ status: "ready" }),
  createConfig: refuse,
  parseConfig: refuse,
  createDriver: refuse,
});
`;

const STRACE = ["/usr/bin/strace", "-f", "-qq", "-e", "trace=execve,execveat,open,openat", "-o"];

const suite = await live({ needs: ["linux", "program:script", "program:strace"] });

suite("mk and packages that are not its own", () => {
  let published: Published;
  /** The driver of `npm create`, packed. */
  let frob: string;
  /** The command of this release with it. */
  let today: Installed;

  beforeAll(async () => {
    published = await publishPackages();
  }, 300_000);

  afterAll(async () => {
    await published?.[Symbol.asyncDispose]();
  });

  /** `npm install --global` into a prefix, and the mk that is there then. */
  async function installed(prefix: string, ...packages: readonly string[]): Promise<Installed> {
    const place = published.join(prefix);
    const env = { ...published.env, MK_HOME: join(place, "mk-home") };
    await runTool("npm", ["install", "--global", "--prefix", place, "--no-audit", "--no-fund", ...packages], {
      cwd: published.join(),
      env,
    });
    return {
      modules: join(place, "lib/node_modules"),
      env,
      mk: (...args: readonly string[]) => runTool(join(place, "bin/mk"), args, { cwd: place, env, allowFailure: true }),
    };
  }

  describe("npm create @mk/driver", () => {
    it("writes a driver that builds and keeps the contract, from the registry alone", async () => {
      const args = ["create", "@mk/driver", FROB, "--yes", "--", "--yes", "--summary", "machines of frob"];
      await runTool("npm", args, { cwd: published.join(), env: published.env });
      const { tarball, tests } = await buildDriver(published.join(FROB), published);
      expect(tests).toMatch(/Tests\s+\d+ passed/);
      await published.registry.publish(tarball);
      frob = tarball;
    }, 300_000);

    it("asks on a terminal for what was not given", async () => {
      const { CI: _, ...env } = published.env;
      await using terminal = openTerminal("npm create --yes @mk/driver", { cwd: published.join(), env });
      await terminal.answer("Name of the driver", `knob${ENTER}`);
      await terminal.answer("What it runs", ENTER);
      await terminal.answer("Operating systems", ENTER);
      await terminal.answer("npm package", ENTER);
      expect(await terminal.ended()).toMatchObject({
        exitCode: 0,
        output: expect.stringContaining("mk-driver-knob is in"),
      });
      expect(JSON.parse(await readFile(published.join("mk-driver-knob/package.json"), "utf8"))).toMatchObject({
        name: "mk-driver-knob",
        description: "mk driver: machines of knob",
        mk: { driver: "knob", api: 1 },
        os: ["linux", "darwin"],
      });
    }, 120_000);

    it("writes nothing when it is cancelled", async () => {
      const { CI: _, ...env } = published.env;
      await using terminal = openTerminal("npm create --yes @mk/driver mk-driver-never", {
        cwd: published.join(),
        env,
      });
      await terminal.answer("Name of the driver", CTRL_C);
      const { exitCode, output } = await terminal.ended();
      expect([exitCode, output]).toEqual([130, expect.stringContaining("Nothing was written")]);
      expect(await readdir(published.join())).not.toContain("mk-driver-never");
    }, 120_000);

    it("writes a driver that mk starts, enters, stops and deletes", async () => {
      today = await installed("today", "@mk/cli", FROB, "yarn@1.22.22");
      await lives(today.mk, "frob");
    }, 300_000);
  });

  it("nothing of a hostile directory runs, whatever the command", async () => {
    const { env, modules } = today;
    const hostile = published.join("hostile");
    const sprung = published.join("sprung");
    const code = `require("node:fs").writeFileSync(${JSON.stringify(sprung)}, "code")`;
    const program = `#!/bin/sh\necho "$0" > ${sprung}\n`;
    const manifest = (name: string, more = {}) => JSON.stringify({ name, version: "9.0.0", main: "i.cjs", ...more });
    const files = {
      ...packageOf("@mk/driver-evil", { mk: { driver: "evil", api: 1 } }),
      ...packageOf("mk-driver-evil", { mk: { driver: "evil", api: 1 } }),
      ...packageOf("@mk/core"),
      ...packageOf("@mk/driver-qemu", { mk: { driver: "qemu", api: 1 } }),
      "package.json": manifest("evil", {
        mk: { driver: "evil", api: 1 },
        packageManager: "yarn@9.9.9",
        scripts: { preinstall: "./sh" },
      }),
      "i.cjs": code,
      "config.json": '{"driver":"evil"}',
      ".mkrc": '{"driver":"evil"}',
      ".npmrc": "script-shell=./sh\nnode-options=--require=./i.cjs\nprefix=./node_modules\n",
      ".yarnrc": 'yarn-path "./i.cjs"\n',
      ".yarnrc.yml": "yarnPath: ./i.cjs\n",
      ".pnpmfile.cjs": code,
      "bunfig.toml": 'preload = ["./i.cjs"]\n',
      ...Object.fromEntries(
        [
          "docker-machine-driver-evil",
          "docker-machine",
          "qemu-img",
          "qemu-system-x86_64",
          "ssh",
          "sh",
          "npm",
          "sleep",
          "env",
          "docker",
        ].map((name) => [name, program]),
      ),
    };
    function packageOf(name: string, more = {}) {
      return { [`node_modules/${name}/package.json`]: manifest(name, more), [`node_modules/${name}/i.cjs`]: code };
    }
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(hostile, path)), { recursive: true });
      await writeFile(join(hostile, path), text, { mode: 0o755 });
    }
    const path = [".", "", join(dirname(modules), "../bin"), dirname(process.execPath), "/usr/bin", "/bin", ""].join(
      ":",
    );
    const hostileEnv = { ...env, PATH: path, NODE_PATH: join(hostile, "node_modules") };
    const trace = published.join("trace");
    const bin = join(modules, "@mk/cli/dist/bin.js");
    for (const command of [
      "driver list",
      "driver info evil",
      "driver add mk-driver-frob",
      "driver update",
      "driver doctor",
      "doctor",
      "start safe --driver=evil",
      "start safe --driver=frob",
      "ssh safe -- true",
      "cp bunfig.toml safe:sent",
      "list",
      "completion bash",
      "__complete -- start --driver ",
      "__complete -- start --driver=evil --",
      "delete safe",
      "driver remove frob",
    ]) {
      // strace ends when all that it traces has ended, which frob's machine does not.
      const traced = command === "start safe --driver=frob" ? [] : [...STRACE, trace];
      const [file = "", ...args] = [...traced, process.execPath, bin, ...command.split(" ")];
      await writeFile(trace, "");
      const { stdout, exitCode, stderr } = await runTool(file, args, {
        cwd: hostile,
        env: hostileEnv,
        allowFailure: true,
      });
      const isRefused = command.includes("evil") && !command.startsWith("__complete");
      expect(exitCode, `${command}: ${stderr}`).toBe(isRefused ? 10 : 0);
      expect(stdout, command).not.toContain("evil");
      expect(await readdir(published.join()), command).not.toContain("sprung");
      expect(touched(await readFile(trace, "utf8"), hostile), command).toEqual([]);
    }
  }, 300_000);

  describe("releases at different times", () => {
    /** Core as it is and its next minor, and the range of a driver that needs that one. */
    let now: string;
    let next: string;
    let fromNext: string;
    let older: Installed;
    let newer: Installed;

    beforeAll(async () => {
      now = published.version("@mk/core");
      next = minorAfter(now);
      fromNext = `>=${next} <${Number.parseInt(now, 10) + 1}`;
      let count = 0;
      /** Publishes another release of a package, or its code under another name. */
      const release = async (
        tarball: string,
        change: Readonly<Record<string, unknown>>,
        files: Readonly<Record<string, string>> = {},
      ) => {
        const place = published.join(`release-${count++}`);
        const changed = await repack(tarball, place, (manifest) => ({ ...manifest, ...change }), files);
        await published.registry.publish(changed);
      };
      const driver = (name: string, api = 1) => ({ name: `mk-driver-${name}`, mk: { driver: name, api } });
      const ownCore = (range: string) => ({ peerDependencies: {}, dependencies: { "@mk/core": range } });
      const entry = (text: string) => ({ "dist/index.js": text });
      const trap = entry('throw new Error("its code was run")');

      await release(published.tarball("@mk/core"), { version: next });
      const cli = published.version("@mk/cli");
      const caret = (name: string) => ({ [name]: `^${published.version(name)}` });
      const dependencies = { "@mk/core": `^${next}`, ...caret("@mk/guest"), ...caret("@mk/libmachine") };
      await release(published.tarball("@mk/cli"), { version: minorAfter(cli), dependencies });
      await release(frob, { name: "mk-driver-early", ...ownCore(now) });
      await release(frob, driver("later"), entry(LATER));
      await release(frob, driver("major", 2), trap);
      await release(frob, { ...driver("minor"), peerDependencies: { "@mk/core": fromNext } }, trap);
      await release(frob, { ...driver("copy"), ...ownCore(`^${next}`) }, trap);
      await release(frob, driver("liar"), entry('export default { contract: 2, name: "liar", options: {} };'));
      const misfits = ["mk-driver-major", "mk-driver-minor", "mk-driver-copy", "mk-driver-liar"];
      // Without a version npm takes the newest, also for the core that it puts beside each driver.
      older = await installed("older-mk", `@mk/cli@${cli}`, FROB, "mk-driver-later", ...misfits);
      newer = await installed("newer-mk", "@mk/cli", "mk-driver-early", "@mk/driver-qemu", "@mk/driver-docker");
    }, 300_000);

    const coresOf = async ({ modules }: Installed, ...packages: readonly string[]): Promise<readonly string[]> =>
      await Promise.all(
        packages.map(async (name) => {
          const text = await readFile(join(modules, name, "node_modules/@mk/core/package.json"), "utf8");
          return (JSON.parse(text) as { version: string }).version;
        }),
      );

    it("a driver with a newer core than mk's works", async () => {
      expect(await coresOf(older, "@mk/cli", FROB)).toEqual([now, next]);
      await lives(older.mk, "frob");
    }, 120_000);

    it("an error of another core is understood, also one that this mk does not know", async () => {
      expect(await older.mk("start", "one", "--driver=frob", "--frob-program=no-such-program")).toMatchObject({
        exitCode: 12,
        stderr: expect.stringContaining("Install it, or give another with --frob-program."),
      });
      expect(await older.mk("start", "two", "--driver=later")).toMatchObject({
        exitCode: 11,
        stderr: expect.stringMatching(/no more machines today.*QUOTA_EXCEEDED.*Come back tomorrow\./s),
      });
      expect((await older.mk("delete", "--all")).exitCode).toBe(0);
    }, 120_000);

    it("a driver with an older core than mk's works", async () => {
      expect(await coresOf(newer, "@mk/cli", "mk-driver-early")).toEqual([next, now]);
      await lives(newer.mk, "frob");
    }, 120_000);

    it("a minor of core leaves every published driver as it is", async () => {
      const { found, skipped } = JSON.parse((await newer.mk("driver", "list", "--output", "json")).stdout);
      expect([found.map(({ name }: { name: string }) => name), skipped]).toEqual([["docker", "frob", "qemu"], []]);
      expect(JSON.parse((await newer.mk("driver", "info", "qemu", "--output", "json")).stdout).name).toBe("qemu");
    }, 120_000);

    it("a driver that does not fit is refused with the reason, by every way in", async () => {
      const { found, skipped } = JSON.parse((await older.mk("driver", "list", "--output", "json")).stdout);
      expect(found.map(({ name }: { name: string }) => name)).toEqual(["frob", "later", "liar"]);
      const refusal = { kind: "unsupported", fix: "Update mk with the tool that installed it." };
      expect(skipped).toMatchObject([
        { ...refusal, name: "copy", reason: `needs @mk/core ^${next}, this is ${now}` },
        { ...refusal, name: "major", reason: expect.stringContaining("contract, this mk has version 1") },
        { ...refusal, name: "minor", reason: `needs @mk/core ${fromNext}, this is ${now}` },
      ]);
      for (const name of ["copy", "major", "minor", "liar"]) {
        const refused = await older.mk("start", `--driver=${name}`);
        expect(refused).toMatchObject({ exitCode: 10, stderr: expect.stringContaining("(DRIVER_UNSUPPORTED)") });
      }
      expect((await older.mk("list", "--output", "json")).stdout).toBe("[]\n");
      expect(await older.mk("driver", "add", "mk-driver-minor")).toMatchObject({
        exitCode: 10,
        stderr: expect.stringContaining(`needs @mk/core ${fromNext}, this is ${now}`),
      });
    }, 120_000);
  });
});

function minorAfter(version: string): string {
  const [major, minor] = version.split(".");
  return `${major}.${Number(minor) + 1}.0`;
}

/** A machine's whole life, each command of an installed mk. */
async function lives(mk: Installed["mk"], driver: string) {
  const ok = async (...args: readonly string[]) => {
    const { stdout, stderr, exitCode } = await mk(...args);
    expect(exitCode, `mk ${args.join(" ")}: ${stderr}`).toBe(0);
    return stdout;
  };
  const state = async () =>
    (JSON.parse((await mk("status", "box", "--output", "json")).stdout) as { status: { state: string } }).status.state;
  await ok("start", "box", `--driver=${driver}`);
  expect(await state()).toBe("running");
  expect(await ok("ssh", "box", "--", "pwd")).toMatch(/\/machines\/box\/.*workspace\n$/);
  await ok("stop", "box");
  expect(await state()).toBe("stopped");
  await ok("start", "box");
  await ok("delete", "box");
  expect(await ok("list", "--output", "json")).toBe("[]\n");
}

/** Programs that were started, and code that was read, out of a directory: relative paths are those of the working directory. */
function touched(trace: string, directory: string): readonly string[] {
  return trace.split("\n").filter((line) => {
    const [, call = "", path = ""] = /\b(execve|execveat|open|openat)\((?:AT_FDCWD, )?"([^"]*)"/.exec(line) ?? [];
    if (call === "" || / = -1 /.test(line)) return false;
    const inside = path.startsWith(directory) || !path.startsWith("/");
    return inside && (call.startsWith("exec") || /\.c?js$|package\.json$/.test(path));
  });
}
