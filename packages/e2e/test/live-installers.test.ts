import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { live, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type Installation,
  installers,
  installTools,
  packPackages,
  Registry,
  runTool,
  type Tools,
} from "../src/index.js";

interface DriverList {
  readonly found: readonly { readonly name: string; readonly origin: string }[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

const THIRD = "mk-driver-frob";

const suite = await live({ needs: ["qemu"] });

suite("mk as its users install it", () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let registry: Registry;
  let tools: Tools;
  let env: Readonly<Record<string, string>>;
  const table: Record<string, string>[] = [];

  beforeAll(async () => {
    directory = await temporaryDirectory("mk-e2e-");
    const outer = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...pick("NODE_EXTRA_CA_CERTS") };
    const [packed, started] = await Promise.all([
      packPackages(directory.path, { ...outer, ...pick("npm_config_userconfig") }),
      Registry.start(directory.path, outer),
    ]);
    registry = started;
    for (const { tarball } of packed) await registry.publish(tarball);
    env = {
      // Node of the CI job and the system's own programs: nothing of the workspace's node_modules/.bin.
      PATH: (process.env.PATH ?? "")
        .split(delimiter)
        .filter((entry) => !entry.includes("node_modules"))
        .join(delimiter),
      HOME: directory.join("home"),
      MK_HOME: directory.join("mk"),
      npm_config_registry: registry.url,
      YARN_REGISTRY: registry.url,
      BUN_CONFIG_REGISTRY: registry.url,
      npm_config_cache: directory.join("npm-cache"),
      npm_config_update_notifier: "false",
      npm_config_minimum_release_age: "0",
      NO_COLOR: "1",
      CI: "1",
      ...pick("MK_DEBIAN_MIRROR"),
      ...pick("NODE_EXTRA_CA_CERTS"),
    };
    // pnpm 12 reads the registry from a file only.
    await mkdir(env.HOME as string, { recursive: true });
    await writeFile(join(env.HOME as string, ".npmrc"), `registry=${registry.url}\n`);
    tools = await installTools(directory.join("tools"), env);
  }, 300_000);

  afterAll(async () => {
    if (table.length > 0) console.table(table);
    await registry?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  it("npm create @mk/driver writes a driver that builds and keeps the contract, from the registry alone", async () => {
    const place = directory.join(THIRD);
    await runTool("npm", ["create", "@mk/driver", THIRD, "--yes", "--", "--yes", "--summary", "machines of frob"], {
      cwd: directory.path,
      env,
    });
    await runTool("npm", ["install", "--no-audit", "--no-fund"], { cwd: place, env });
    const { stdout } = await runTool("npm", ["test"], { cwd: place, env });
    expect(stdout).toMatch(/Tests\s+\d+ passed/);
    const { stdout: packed } = await runTool("npm", ["pack", "--json", "--pack-destination", directory.path], {
      cwd: place,
      env,
    });
    const parsed = JSON.parse(packed.slice(packed.indexOf(packed.trimStart().startsWith("{") ? "{" : "["))) as
      | readonly { filename: string }[]
      | Record<string, { filename: string }>;
    const first = Object.values(parsed)[0] as { filename: string };
    await registry.publish(join(directory.path, first.filename));
  }, 300_000);

  it.each(["npm -g", "npm (local)", "npm link", "npx", "pnpm 10 -g", "pnpm 12 -g", "yarn 1 global", "bun -g"])(
    "installs with %s: drivers are found, a machine starts, a third driver is added, one is removed",
    async (name) => {
      const installer = installers(tools).find((each) => each.name === name);
      if (!installer) throw new TypeError(`no installer ${name}`);
      const row: Record<string, string> = { installer: name };
      table.push(row);
      const installed = await installer.install(directory.join(name.replace(/\W+/g, "-")), env, [
        "@mk/cli",
        "@mk/driver-qemu",
        "@mk/driver-docker",
      ]);
      row.install = "ok";
      expect(await found(installed)).toEqual(expect.arrayContaining(["docker", "qemu"]));
      row.found = "ok";

      const machine = `e2e-${name.replace(/\W+/g, "")}`;
      await installed.mk([
        "start",
        machine,
        "--driver=qemu",
        "--memory",
        "768",
        "--cpus",
        "1",
        "--qemu-accelerator",
        "tcg",
      ]);
      try {
        expect((await installed.mk(["ssh", machine, "--", "uname", "-s"])).stdout).toBe("Linux\n");
      } finally {
        await installed.mk(["delete", machine]);
      }
      row["qemu start"] = "ok";

      await installed.add(THIRD);
      expect(await found(installed)).toEqual(expect.arrayContaining(["docker", "frob", "qemu"]));
      await installed.mk(["start", machine, "--driver=frob"]);
      expect(JSON.parse((await installed.mk(["status", machine, "--output", "json"])).stdout)).toMatchObject({
        status: { state: "running" },
      });
      row["third driver"] = "ok";

      await installed.remove(THIRD);
      const listed = await installed.mk(["list"]);
      expect(listed.stdout).toContain(machine);
      expect(`${listed.stdout}${listed.stderr}`).toContain("frob");
      await installed.add(THIRD);
      await installed.mk(["delete", machine]);
      await installed.remove("@mk/driver-docker");
      expect(await found(installed)).not.toContain("docker");
      row.removed = "ok";
    },
    600_000,
  );

  it("npm refuses a driver that is not for this platform", async () => {
    const place = directory.join("refused");
    const { exitCode, stderr } = await runTool(
      "npm",
      ["install", "--global", "--prefix", place, "@mk/driver-hyperkit"],
      { cwd: directory.path, env, allowFailure: true },
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("EBADPLATFORM");
  }, 120_000);

  it("mk lists a driver that an installer let in on the wrong platform, with the reason, and never loads it", async () => {
    const installer = installers(tools).find((each) => each.name === "pnpm 10 -g");
    const installed = await installer?.install(directory.join("foreign"), env, ["@mk/cli", "@mk/driver-hyperkit"]);
    if (!installed) throw new TypeError("no pnpm");
    const { skipped, found: names } = await drivers(installed);
    expect(names).toEqual([]);
    expect(skipped).toContainEqual(
      expect.objectContaining({ name: "hyperkit", reason: "needs darwin, this is linux" }),
    );
    const start = await installed.mk(["start", "--driver=hyperkit", "--output", "json"], { allowFailure: true });
    expect(start.exitCode).toBe(10);
  }, 120_000);

  it("ships no install script in any package it installs", async () => {
    const lock = JSON.parse(await readFile(directory.join("npm-local-", "package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    // ssh2's and cpu-features' scripts only build optional speed-ups that mk does not use.
    const scripted = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
    expect(
      scripted
        .map(([path]) => path.replace(/.*node_modules\//, ""))
        .filter((name) => !["ssh2", "cpu-features", "protobufjs"].includes(name)),
    ).toEqual([]);
  });

  it.each(["node22", "node24"] as const)("runs on %s as installed", async (version) => {
    const bin = directory.join("npm-g", "lib/node_modules/@mk/cli/dist/bin.js");
    for (const args of [["--version"], ["driver", "list", "--output", "json"], ["list", "--output", "json"]]) {
      await runTool(tools[version], [bin, ...args], { cwd: directory.path, env });
    }
  });
});

async function drivers(installed: Installation): Promise<DriverList> {
  return JSON.parse((await installed.mk(["driver", "list", "--output", "json"])).stdout) as DriverList;
}

async function found(installed: Installation): Promise<readonly string[]> {
  return (await drivers(installed)).found.map(({ name }) => name);
}

function pick(name: string): Record<string, string> {
  const value = process.env[name];
  return value === undefined ? {} : { [name]: value };
}
