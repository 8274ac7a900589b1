import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
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
  const directory = place.join("source", name, "package");
  await mkdir(dirname(directory), { recursive: true });
  await cp(FAKE_DRIVER, directory, { recursive: true });
  const manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  await writeFile(join(directory, "package.json"), JSON.stringify({ ...manifest, ...change }));
  const tarball = place.join(`${name}.tgz`);
  execFileSync("tar", ["-czf", tarball, "-C", dirname(directory), "package"]);
  return tarball;
}

/** npm without settings of the tester, and with nothing but what is on disk or in the given registry. */
const runIn = (cwd: string, registry: string | undefined, ...args: readonly string[]) =>
  mk(args, {
    home,
    cwd,
    driverPath: "",
    env: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      ...(registry === undefined
        ? { npm_config_offline: "true" }
        : { npm_config_registry: registry, npm_config_prefer_online: "true" }),
      npm_config_userconfig: place.join("npmrc"),
      npm_config_cache: place.join("npm-cache"),
    },
  });
const run = (...args: readonly string[]) => runIn(place.path, undefined, ...args);

/** A registry on loopback of the packages that were published to it. */
async function startRegistry() {
  const documents = new Map<
    string,
    { name: string; "dist-tags": { latest: string }; versions: Record<string, unknown> }
  >();
  const server = createServer(async ({ url = "" }, response) => {
    const path = decodeURIComponent(url.slice(1));
    if (path.endsWith(".tgz")) return response.end(await readFile(place.join(path)));
    const document = documents.get(path);
    response.statusCode = document === undefined ? 404 : 200;
    response.end(JSON.stringify(document ?? {}));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    /** Makes this the latest version. */
    async publish(name: string, version: string, own: Readonly<Record<string, unknown>>) {
      const manifest = { name, version, mk: own };
      const tarball = await pack(`${name}-${version}`, manifest);
      const integrity = `sha512-${createHash("sha512")
        .update(await readFile(tarball))
        .digest("base64")}`;
      const versions = { ...documents.get(name)?.versions };
      versions[version] = { ...manifest, dist: { tarball: url + basename(tarball), integrity } };
      documents.set(name, { name, "dist-tags": { latest: version }, versions });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

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

  it("are refused with the reason and the way back when npm cannot bring their earlier version back", async () => {
    const name = "mk-driver-lost";
    const earlier = await pack("lost", { name, version: "1.0.0", mk: { driver: "lost", api: 1 } });
    expect(await run("driver", "add", earlier)).toMatchObject({ exitCode: 0 });
    await rm(earlier);
    const later = await pack("later", { name, version: "2.0.0", mk: { driver: "lost", api: 99 } });
    const { exitCode, stderr } = await run("driver", "add", later);
    expect([exitCode, stderr]).toEqual([10, expect.stringContaining("version 99 of the driver contract")]);
    expect(stderr).toContain(`mk driver add ${name}@${earlier}`);
    expect((await run("driver", "remove", name)).exitCode).toBe(0);
  });

  it("are judged by themselves, not by a package of the same name that lies beside mk", async () => {
    const mkField = { driver: "qemu", api: 99 };
    const tarball = await pack("qemu", { name: "@mk/driver-qemu", version: "9.0.0", mk: mkField });
    expect(await run("driver", "add", tarball)).toMatchObject({
      exitCode: 10,
      stderr: expect.stringContaining("version 99 of the driver contract"),
    });
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
    expect((await run("driver", "update")).stdout).toBe("No driver was installed by mk driver add.\n");
    expect((await run("driver", "update", "-o", "json")).stdout).toBe("[]\n");
  });

  it("are refused with the damaged file's name when npm's files there cannot be read", async () => {
    const path = join(home, "drivers", "package.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.slice(0, -5));
    for (const words of [["add", "qemu"], ["remove", "qemu"], ["update"]]) {
      const { exitCode, stderr } = await run("driver", ...words);
      expect([exitCode, stderr]).toEqual([
        15,
        expect.stringContaining(`${path} is not a JSON object (CONFIG_CORRUPT)`),
      ]);
    }
    await writeFile(path, text);
  });
});

describe("drivers of a directory", () => {
  it("are added by their paths from the working directory", async () => {
    const tarball = await pack("local", { name: "mk-driver-local", version: "1.0.0", mk: { driver: "local", api: 1 } });
    const directory = place.join("source", "local", "package");
    for (const [cwd, path] of [
      [directory, "."],
      [dirname(tarball), basename(tarball)],
    ] as const) {
      const { exitCode, stdout, stderr } = await runIn(cwd, undefined, "driver", "add", path);
      expect(exitCode, stderr).toBe(0);
      expect(stdout).toMatch(/^local +mk-driver-local@1\.0\.0/);
    }
  });

  it("are not replaced by an update with what the registry has under their name", async () => {
    await using registry = await startRegistry();
    await registry.publish("mk-driver-local", "6.6.6", { driver: "local", api: 1 });
    for (const words of [[], ["local"]]) {
      const { exitCode, stdout } = await runIn(place.path, registry.url, "driver", "update", ...words);
      expect(exitCode).toBe(0);
      expect(stdout).toBe(
        `mk-driver-local stays as it is: it comes from ${place.join("local.tgz")}. Add it again to update it.\n`,
      );
    }
    expect((await run("driver", "list")).stdout).toContain("mk-driver-local@1.0.0");
    expect((await run("driver", "remove", "local")).exitCode).toBe(0);
  });
});

describe("drivers of a registry", () => {
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  const online = (...args: readonly string[]) => runIn(place.path, registry.url, ...args);

  beforeAll(async () => {
    registry = await startRegistry();
    await registry.publish("mk-driver-frob", "1.0.0", { driver: "frob", api: 1, aliases: ["frobnicator"] });
    expect((await online("driver", "add", "mk-driver-frob")).exitCode).toBe(0);
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
  });

  it("are updated by the driver's name, its alias and the package's", async () => {
    await registry.publish("mk-driver-frob", "1.1.0", { driver: "frob", api: 1, aliases: ["frobnicator"] });
    expect(await online("driver", "update", "frob")).toMatchObject({
      exitCode: 0,
      stdout: "mk-driver-frob: 1.0.0 → 1.1.0\n",
    });
    for (const words of [["frobnicator"], ["mk-driver-frob"], []]) {
      expect((await online("driver", "update", ...words)).stdout).toBe("mk-driver-frob is 1.1.0 already.\n");
    }
  });

  it("keep the version that works when the newest does not work with this mk, and the others are updated", async () => {
    await registry.publish("mk-driver-good", "1.0.0", { driver: "good", api: 1 });
    expect((await online("driver", "add", "mk-driver-good")).exitCode).toBe(0);
    await registry.publish("mk-driver-good", "1.1.0", { driver: "good", api: 1 });
    await registry.publish("mk-driver-frob", "2.0.0", { driver: "frob", api: 99 });
    const { exitCode, stdout, stderr } = await online("driver", "update");
    expect([exitCode, stdout]).toEqual([10, "mk-driver-good: 1.0.0 → 1.1.0\n"]);
    expect(stderr).toMatch(/mk-driver-frob: .*version 99 of the driver contract.*DRIVER_INVALID/);
    expect((await online("driver", "list", "-q")).stdout).toContain("frob\n");
  });

  it("that this mk cannot use any more are told of when they are added again, and removed by their name", async () => {
    const path = join(home, "drivers", "node_modules", "mk-driver-frob", "package.json");
    await writeFile(path, (await readFile(path, "utf8")).replace(/"api": ?1/, '"api":99'));
    expect(await online("driver", "add", "mk-driver-frob")).toMatchObject({
      exitCode: 10,
      stdout: "",
      stderr: expect.stringContaining("version 99 of the driver contract"),
    });
    expect(await online("driver", "add", "mk-driver-good")).toMatchObject({ exitCode: 0 });
    expect(await online("driver", "remove", "frob")).toMatchObject({
      exitCode: 0,
      stdout: "Removed mk-driver-frob.\n",
    });
  });

  it("that are not there are not looked for under the name of another package", async () => {
    const { exitCode, stderr } = await online("driver", "update", "frob");
    expect([exitCode, stderr]).toEqual([10, expect.stringContaining("frob was not installed by mk driver add")]);
    expect(stderr).not.toContain("driver add frob");
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
