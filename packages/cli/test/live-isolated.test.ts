import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { guestImages } from "@mk/guest";
import { live, testHome } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BIN } from "./run-mk.js";

const suite = await live({ needs: ["docker", "root", "linux", "program:sudo", "program:useradd", "program:runuser"] });
const run = promisify(execFile);

/** An ordinary user, who may use sudo but not the Docker Engine. */
interface OrdinaryUser extends AsyncDisposable {
  readonly home: string;
  mk(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<{ stdout: string; stderr: string }>;
}

async function createUser(): Promise<OrdinaryUser> {
  const name = `mkt${randomBytes(3).toString("hex")}`;
  const home = await mkdtemp(join(tmpdir(), "mk-user-"));
  const sudoers = `/etc/sudoers.d/${name}`;
  await run("useradd", ["--no-create-home", "--home-dir", home, name]);
  await writeFile(sudoers, `${name} ALL=(root) NOPASSWD: ${process.execPath}\n`, { mode: 0o440 });
  // The image is built once for all tests; this user gets a copy.
  const images = guestImages({ home: testHome() });
  const image = await images.ensure(process.arch === "arm64" ? "arm64" : "amd64", {
    signal: new AbortController().signal,
    step: async (_id, _title, work) => await work(() => undefined),
    undo: () => undefined,
    log: () => undefined,
  });
  const cache = join(home, "mk", "cache", "images");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  await cp(dirname(image.oci), join(cache, basename(dirname(image.oci))), { recursive: true });
  await run("chown", ["-R", name, home]);
  return {
    home,
    mk: async (args, env = {}) =>
      await run("runuser", ["-u", name, "--", process.execPath, BIN, ...args], {
        cwd: home,
        env: {
          HOME: home,
          PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
          MK_HOME: join(home, "mk"),
          MK_DRIVER_PATH: fileURLToPath(new URL("../..", import.meta.url)),
          ...env,
        },
      }),
    async [Symbol.asyncDispose]() {
      await run("userdel", [name]);
      await rm(sudoers, { force: true });
      await rm(home, { recursive: true, force: true });
    },
  };
}

suite("mk of an ordinary user with the docker driver isolated as root", () => {
  const machine = `iso-${randomBytes(3).toString("hex")}`;
  const isolation = { MK_ISOLATE: "docker:root" };
  let user: OrdinaryUser;

  beforeAll(async () => {
    user = await createUser();
  });
  afterAll(async () => {
    await user?.[Symbol.asyncDispose]();
  });

  const stateOf = async (): Promise<unknown> => {
    const { stdout } = await user.mk(["list", "--output=json"], isolation);
    return stdout;
  };

  it("cannot use the engine without", async () => {
    await expect(user.mk(["start", "--driver=docker", "-p", machine])).rejects.toMatchObject({
      stderr: expect.stringContaining("may not use the Docker Engine"),
    });
  });

  it("shows the exact command, and lives a full life that leaves nothing of root's behind", async () => {
    const started = await user.mk(["start", "--driver=docker", "-p", machine], isolation);
    expect(started.stderr).toMatch(/^mk runs with privileges: sudo -- \S+ \S+isolated-child\.js \S+driver-docker\S+$/m);
    expect((await user.mk(["ssh", "-p", machine, "--", "id", "-un"], isolation)).stdout.trim()).toBe("mk");
    await user.mk(["stop", "-p", machine], isolation);
    expect(await stateOf()).toContain('"stopped"');
    await user.mk(["start", "-p", machine], isolation);
    expect(await stateOf()).toContain('"running"');
    await user.mk(["delete", "-p", machine], isolation);
    expect(await stateOf()).not.toContain(machine);
    const { stdout } = await run("find", [user.home, "-user", "root"]);
    expect(stdout).toBe("");
    const left = await run("docker", ["ps", "--all", "--quiet", "--filter", `name=${machine}`]);
    expect(left.stdout).toBe("");
  });
});
