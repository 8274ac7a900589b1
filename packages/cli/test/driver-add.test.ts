import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FAKE_DRIVER, mk } from "./run-mk.js";

let place: TemporaryDirectory;
let home: string;

beforeAll(async () => {
  place = await temporaryDirectory();
  home = place.join("home");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

/** A tarball as a registry would serve it, of the fake driver with a changed manifest. */
async function pack(name: string, change: Readonly<Record<string, unknown>>): Promise<string> {
  const directory = place.join("source", name);
  await mkdir(dirname(directory), { recursive: true });
  await cp(FAKE_DRIVER, directory, { recursive: true });
  const manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  await writeFile(join(directory, "package.json"), JSON.stringify({ ...manifest, ...change }));
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", place.path], {
      cwd: directory,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  return place.join(filename);
}

/** npm with nothing but what is on disk, and no settings of the tester. */
const run = (...args: readonly string[]) =>
  mk(args, {
    home,
    driverPath: "",
    env: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      npm_config_offline: "true",
      npm_config_userconfig: place.join("npmrc"),
      npm_config_cache: place.join("npm-cache"),
    },
  });

describe("drivers in mk's own home", () => {
  it("are added with version and integrity, without running install scripts", async () => {
    const trap = place.join("trap");
    const tarball = await pack("good", { scripts: { install: `touch ${trap}`, postinstall: `touch ${trap}` } });
    const { stdout, exitCode, stderr } = await run("driver", "add", tarball);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^fake +mk-driver-fake@1\.2\.3 +sha512-/);
    await expect(readFile(trap)).rejects.toThrow("ENOENT");
    await expect(readFile(join(home, "drivers", "package-lock.json"), "utf8")).resolves.toContain("sha512-");
    expect((await run("driver", "list", "-q")).stdout).toContain("fake\n");
    expect((await run("start", "--driver=fake", "-q")).exitCode).toBe(0);
  });

  it("are refused and removed again when they do not work with this mk", async () => {
    const tarball = await pack("newer", { name: "mk-driver-newer", mk: { driver: "newer", api: 99 } });
    const { exitCode, stderr } = await run("driver", "add", tarball);
    expect(exitCode).toBe(10);
    expect(stderr).toContain("version 99 of the driver contract");
    expect(JSON.parse(await readFile(join(home, "drivers", "package.json"), "utf8")).dependencies).not.toHaveProperty(
      "mk-driver-newer",
    );
    const other = await run("driver", "add", await pack("other", { name: "leftish-pad" }));
    expect(other).toMatchObject({ exitCode: 10, stderr: expect.stringContaining("it is not a driver") });
    expect((await run("driver", "list", "-q")).stdout).toContain("fake\n");
  });

  it("keep their earlier version when a newer one does not work with this mk", async () => {
    const tarball = await pack("broken", { version: "2.0.0", mk: { driver: "fake", api: 99 } });
    expect(await run("driver", "add", tarball)).toMatchObject({ exitCode: 10 });
    expect((await run("driver", "list")).stdout).toContain("mk-driver-fake@1.2.3");
  });

  it("are removed, and their machines are listed with the command that brings them back", async () => {
    expect((await run("driver", "remove", "fake")).exitCode).toBe(0);
    expect((await run("driver", "list", "-q")).stdout).not.toContain("fake\n");
    const machines = JSON.parse((await run("list", "-o", "json")).stdout);
    expect(machines).toMatchObject([{ name: "mk", driver: "fake", problem: { hint: expect.any(String) } }]);
    expect((await run("delete", "--forget")).exitCode).toBe(0);
  });

  it("can only be removed or updated where they were added", async () => {
    for (const action of ["remove", "update"]) {
      expect(await run("driver", action, "qemu")).toMatchObject({
        exitCode: 10,
        stderr: expect.stringContaining("DRIVER_MISSING"),
      });
    }
  });
});

describe("drivers where mk does not look", () => {
  it("are found by asking the installers, none of which is run in the working directory", async () => {
    const bin = place.join("bin");
    const global = place.join("global");
    await mkdir(join(global, "node_modules", "mk-driver-far"), { recursive: true });
    await mkdir(join(global, "v11", "0123", "node_modules", "@acme", "mk-driver-off"), { recursive: true });
    await mkdir(bin);
    for (const [name, root] of Object.entries({ npm: "node_modules", pnpm: "v11", yarn: "", bun: "" })) {
      const script = `#!/bin/sh\npwd >> "$HOME/asked-in"\necho "${join(global, root)}"\n`;
      await writeFile(join(bin, name), script, { mode: 0o755 });
    }
    const cwd = place.join("project");
    await mkdir(cwd);
    const { stdout } = await mk(["driver", "doctor"], {
      home,
      driverPath: "",
      cwd,
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    expect(stdout).toContain("yarn has mk-driver-far in");
    expect(stdout).toContain("Run: mk driver add mk-driver-far");
    expect(stdout).toContain(`pnpm has @acme/mk-driver-off in ${join(global, "v11", "0123", "node_modules")}`);
    expect((await readFile(place.join("asked-in"), "utf8")).trim().split("\n")).toEqual(Array(4).fill(place.path));
  });
});
