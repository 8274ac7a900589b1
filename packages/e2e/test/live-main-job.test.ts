import { fileURLToPath } from "node:url";
import { hostInventory, inventoryDifference, live, temporaryDirectory } from "@mk/testing";
import { expect, test } from "vitest";
import { runTool } from "../src/index.js";

const suite = await live({ needs: ["qemu", "network"] });
const BIN = fileURLToPath(new URL("../../cli/dist/bin.js", import.meta.url));
const BUSYBOX = "/bin/busybox";

suite("mk's main job", () => {
  test("image build, start, ssh, docker run through mk env, data kept over stop and start, delete, host as before", async () => {
    await using directory = await temporaryDirectory("mk-main-");
    const outer = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^(MK_|DOCKER_|NODE_OPTIONS|VITEST)/.test(name) || name === "MK_DEBIAN_MIRROR",
      ),
    );
    const env = { ...(outer as Record<string, string>), HOME: directory.join("home"), MK_HOME: directory.join("mk") };
    const at = { cwd: directory.path, env };
    const mk = (...args: readonly string[]) => runTool(process.execPath, [BIN, ...args], at);
    const mentions = [directory.path];
    const before = await hostInventory({ mentions });

    await mk("image", "build");
    const images = JSON.parse((await mk("image", "list", "--output", "json")).stdout) as readonly unknown[];
    expect(images).toHaveLength(1);

    const { stdout, stderr } = await mk("start", "--driver=qemu", "--memory", "1g", "--disk-size", "4g");
    expect(`${stdout}${stderr}`).toMatch(/mk ssh/);
    try {
      expect((await mk("ssh", "--", "uname", "-s")).stdout).toBe("Linux\n");

      const assignments = (await mk("env", "--shell", "sh")).stdout.matchAll(/^export (\w+)=(?:"(.*)"|'(.*)'|(.*))$/gm);
      const docker = Object.fromEntries(
        [...assignments].map(([, name, ...values]) => [name, values.find((value) => value !== undefined) ?? ""]),
      );
      const engine = { cwd: directory.path, env: { ...env, ...docker } };
      await importBusybox(directory.path, engine);
      const ran = await runTool(
        "docker",
        ["run", "--rm", "mk-test", BUSYBOX, "echo", "hello from a container"],
        engine,
      );
      expect(ran.stdout).toBe("hello from a container\n");

      await mk("ssh", "--", "sudo", "sh", "-c", "echo kept > /data/proof && sync");
      await mk("stop");
      expect(
        JSON.parse(
          (await runTool(process.execPath, [BIN, "status", "--output", "json"], { ...at, allowFailure: true })).stdout,
        ),
      ).toMatchObject({
        status: { state: "stopped" },
      });
      await mk("start");
      expect((await mk("ssh", "--", "cat", "/data/proof")).stdout).toBe("kept\n");
      // The image that was imported is on the data disk too.
      expect(
        (
          await runTool("docker", ["run", "--rm", "mk-test", BUSYBOX, "true"], {
            ...engine,
            env: { ...engine.env, ...(await dockerEnv(mk)) },
          })
        ).exitCode,
      ).toBe(0);
    } finally {
      await mk("delete");
    }
    expect(JSON.parse((await mk("list", "--output", "json")).stdout)).toEqual([]);
    expect(inventoryDifference(before, await hostInventory({ mentions }))).toEqual({ added: [], removed: [] });
  }, 900_000);
});

async function dockerEnv(
  mk: (...args: readonly string[]) => Promise<{ readonly stdout: string }>,
): Promise<Readonly<Record<string, string>>> {
  return JSON.parse((await mk("env", "--output", "json")).stdout) as Readonly<Record<string, string>>;
}

/** An image of one program and its libraries, as there is no registry to take one from. */
async function importBusybox(
  directory: string,
  at: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<void> {
  const { stdout } = await runTool("ldd", [BUSYBOX], at);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => `.${path}`);
  await runTool("tar", ["-C", "/", "-chf", `${directory}/image.tar`, `.${BUSYBOX}`, ...libraries], at);
  await runTool("docker", ["import", `${directory}/image.tar`, "mk-test"], at);
}
