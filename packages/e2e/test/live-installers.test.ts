import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { fileURLToPath } from "node:url";
import { installTinyImage, live, startSshd, type TestSshd, testHome } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  buildDriver,
  INSTALLERS,
  type Installation,
  installTools,
  type Published,
  publishPackages,
  runTool,
  type Tools,
} from "../src/index.js";

interface DriverList {
  readonly found: readonly { readonly name: string; readonly origin: string }[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** A driver that is not ours: examples/driver-generic, whose machine is an sshd of the test's own. */
const THIRD = "mk-driver-generic";
const EXAMPLE = fileURLToPath(new URL("../../../examples/driver-generic", import.meta.url));
// What an installer decides is which files lie where, not what boots: a guest of 200 bytes says "ready" as soon as the installed driver has
// brought QEMU up. mk's own guest is booted once here, and at length by the drivers' suites.
const SMALL = ["--cpus=1", "--memory=64m", "--disk-size=64m", "--qemu-accelerator=tcg"];

const suite = await live({ needs: ["qemu", "sshd", "program:ssh-keygen"] });

suite("mk as its users install it", () => {
  let published: Published;
  let tools: Tools;
  let sshd: TestSshd;
  const table: Record<string, string>[] = [];

  beforeAll(async () => {
    published = await publishPackages();
    [tools, sshd] = await Promise.all([installTools(published.join("tools"), published.env), ownSshd()]);
  }, 300_000);

  /** Reached with the key `id_ed25519`, made as people make theirs. */
  async function ownSshd(): Promise<TestSshd> {
    const at = { cwd: published.join(), env: published.env };
    for (const name of ["host_key", "id_ed25519"])
      await runTool("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", published.join(name)], at);
    return await startSshd({
      hostKey: await readFile(published.join("host_key"), "utf8"),
      authorizedKey: await readFile(published.join("id_ed25519.pub"), "utf8"),
    });
  }

  afterAll(async () => {
    if (table.length > 0) console.table(table);
    await sshd?.[Symbol.asyncDispose]();
    await published?.[Symbol.asyncDispose]();
  });

  async function install(name: string, place: string, packages: readonly string[]): Promise<Installation> {
    const installer = INSTALLERS.find((each) => each.name === name);
    if (installer === undefined) throw new TypeError(`no installer ${name}`);
    const home = published.join(place, "mk-home");
    await installTinyImage(home);
    // Each of a dozen installations would ask anew what has not changed.
    const env = { ...published.env, MK_HOME: home, npm_config_prefer_offline: "true" };
    return await installer.install(published.join(place), { tools, env, packages });
  }

  it("builds examples/driver-generic from the registry alone: it keeps the contract", async () => {
    const place = published.join("driver-generic");
    await cp(EXAMPLE, place, { recursive: true, filter: (path) => !/\/(node_modules|dist)(\/|$)/.test(path) });
    const { tarball, tests } = await buildDriver(place, published);
    expect(tests).toMatch(/Tests\s+\d+ passed/);
    await published.registry.publish(tarball);
  }, 300_000);

  it.each(INSTALLERS)(
    "installs with $name: drivers are found, QEMU starts, a third driver is added and used, two are removed",
    async ({ name }) => {
      const row: Record<string, string> = { installer: name };
      table.push(row);
      const done = stopwatch(row);
      const place = name.replace(/\W+/g, "-");
      const installed = await install(name, place, ["@mk/cli", "@mk/driver-qemu", "@mk/driver-docker"]);
      done("install");
      expect(await found(installed)).toEqual(["docker", "qemu"]);
      // Where `man` looks for it: npm alone puts manuals there, and those of a global installation alone.
      if (name === "npm -g") {
        expect(await readFile(published.join(place, "share/man/man1/mk-start.1"), "utf8")).toContain("mk manual");
      }
      // Nothing is compiled, fetched or run when mk is installed. npm notes who would.
      if (name === "npm") {
        expect(await readFile(published.join(place, "package-lock.json"), "utf8")).not.toContain("hasInstallScript");
      }
      done("found");

      await installed.mk(["start", "small", "--driver=qemu", ...SMALL]);
      expect(await state(installed, "small")).toBe("running");
      await installed.mk(["delete", "small"]);
      done("qemu start");

      await installed.add(THIRD);
      expect(await found(installed)).toEqual(["docker", "generic", "qemu"]);
      const { port } = sshd;
      const reached = [`--generic-ssh-port=${port}`, `--generic-ssh-user=${userInfo().username}`];
      const key = `--generic-ssh-key=${published.join("id_ed25519")}`;
      await installed.mk(["start", "box", "--driver=generic", "--generic-ip-address=127.0.0.1", ...reached, key]);
      expect(await state(installed, "box")).toBe("running");
      expect((await installed.mk(["ssh", "box", "--", "sh", "-c", "echo $SSH_CONNECTION"])).stdout).toContain(
        ` ${port}\n`,
      );
      await writeFile(published.join(place, "sent"), name);
      await installed.mk(["cp", "sent", `box:${published.join(place, "received")}`]);
      expect(await readFile(published.join(place, "received"), "utf8")).toBe(name);
      done("third driver");

      await installed.remove(THIRD, "@mk/driver-docker");
      expect(await found(installed)).toEqual(["qemu"]);
      const listed = await installed.mk(["list"]);
      expect(`${listed.stdout}${listed.stderr}`).toMatch(/box.*generic/s);
      done("removed");
      // What comes back is found as what was added first: one installer shows it, a quick one. Each command of npm or yarn takes seconds.
      if (name !== "pnpm 12 -g") return;
      await installed.add(THIRD);
      await installed.mk(["delete", "box"]);
      expect(JSON.parse((await installed.mk(["list", "--output", "json"])).stdout)).toEqual([]);
    },
    600_000,
  );

  it("boots mk's own guest as npm -g installed it: the image is built, SSH answers", async () => {
    const home = published.join("npm-g", "mk-home-of-real-guests");
    // What was downloaded for another suite need not be downloaded again.
    const downloads = `${testHome()}/cache/downloads`;
    await mkdir(downloads, { recursive: true, mode: 0o700 });
    await mkdir(`${home}/cache`, { recursive: true, mode: 0o700 });
    await symlink(downloads, `${home}/cache/downloads`);
    const env = { ...published.env, MK_HOME: home };
    const mk = (...args: readonly string[]) =>
      runTool(published.join("npm-g", "bin/mk"), args, { cwd: published.join(), env });
    await mk("start", "real", "--driver=qemu", "--memory=768m", "--cpus=1");
    try {
      expect((await mk("ssh", "real", "--", "uname", "-s")).stdout).toBe("Linux\n");
    } finally {
      await mk("delete", "real");
    }
  }, 600_000);

  it("npm refuses a driver that is not for this platform", async () => {
    const { exitCode, stderr } = await runTool(
      "npm",
      ["install", "--global", "--prefix", published.join("refused"), "@mk/driver-hyperkit"],
      { cwd: published.join(), env: published.env, allowFailure: true },
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("EBADPLATFORM");
  }, 120_000);

  it("mk lists a driver that an installer let in on the wrong platform, with the reason, and never loads it", async () => {
    const installed = await install("pnpm 10 -g", "foreign", ["@mk/cli", "@mk/driver-hyperkit"]);
    const { skipped, found: names } = await drivers(installed);
    expect(names).toEqual([]);
    expect(skipped).toContainEqual(
      expect.objectContaining({ name: "hyperkit", reason: "needs darwin, this is linux" }),
    );
    const start = await installed.mk(["start", "--driver=hyperkit", "--output", "json"], { allowFailure: true });
    expect(start.exitCode).toBe(10);
  }, 120_000);

  it.each(["node22", "node24"])("runs on %s as installed", async (version) => {
    const node = fileURLToPath(new URL(`../node_modules/${version}/bin/node`, import.meta.url));
    const bin = published.join("npm-g", "lib/node_modules/@mk/cli/dist/bin.js");
    const env = { ...published.env, MK_HOME: published.join("npm-g", "mk-home") };
    const mk = (...args: readonly string[]) => runTool(node, [bin, ...args], { cwd: published.join(), env });
    for (const args of [["--version"], ["driver", "list", "--output", "json"], ["list", "--output", "json"]])
      await mk(...args);
    await mk("start", "small", "--driver=qemu", ...SMALL);
    await mk("delete", "small");
  });
});

/** Notes in a row of the table that a step went well, and how long it took. */
function stopwatch(row: Record<string, string>): (step: string) => void {
  let since = performance.now();
  return (step) => {
    const now = performance.now();
    row[step] = `ok ${((now - since) / 1000).toFixed(1)} s`;
    since = now;
  };
}

async function drivers(installed: Installation): Promise<DriverList> {
  return JSON.parse((await installed.mk(["driver", "list", "--output", "json"])).stdout) as DriverList;
}

async function found(installed: Installation): Promise<readonly string[]> {
  return (await drivers(installed)).found.map(({ name }) => name);
}

async function state(installed: Installation, machine: string): Promise<string> {
  const { stdout } = await installed.mk(["status", machine, "--output", "json"]);
  return (JSON.parse(stdout) as { status: { state: string } }).status.state;
}
