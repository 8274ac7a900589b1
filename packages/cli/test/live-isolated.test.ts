import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { live } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type OrdinaryUser, ordinaryUser } from "./ordinary-user.js";

const suite = await live({ needs: ["docker", "root", "linux", "program:sudo", "program:useradd", "program:runuser"] });
const run = promisify(execFile);

/** An ordinary user, who may use sudo but not the Docker Engine. */
async function sudoer(): Promise<OrdinaryUser> {
  const user = await ordinaryUser();
  const sudoers = `/etc/sudoers.d/${user.name}`;
  await writeFile(sudoers, `${user.name} ALL=(root) NOPASSWD: ${process.execPath}\n`, { mode: 0o440 });
  return {
    ...user,
    async [Symbol.asyncDispose]() {
      await user[Symbol.asyncDispose]();
      await rm(sudoers, { force: true });
    },
  };
}

suite("mk of an ordinary user with the docker driver isolated as root", () => {
  const machine = `iso-${randomBytes(3).toString("hex")}`;
  const isolation = { MK_ISOLATE: "docker:root" };
  let user: OrdinaryUser;

  beforeAll(async () => {
    user = await sudoer();
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
