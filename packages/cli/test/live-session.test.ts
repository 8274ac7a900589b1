import { live, until } from "@mk/testing";
import { expect, test } from "vitest";
import { ordinaryUser } from "./ordinary-user.js";

const suite = await live({
  needs: [
    "qemu",
    "linux",
    "root",
    "network",
    "program:virsh",
    "program:libvirtd",
    "program:useradd",
    "program:runuser",
  ],
});

/** Two boots under emulation, on a computer that does other things too. */
const LONG = { timeout: 900_000 };

suite("kvm2 in the libvirt session of a user who is in no group", () => {
  test("lives a whole life on ports that stay, through a killed libvirtd, and leaves nothing", LONG, async () => {
    await using user = await ordinaryUser();
    const status = async () => JSON.parse((await user.mk(["list", "--output=json"])).stdout);
    const places = async () => {
      const outputs = [await user.mk(["env", "--shell=sh"]), await user.mk(["ssh-config"])];
      return outputs.map(({ stdout }) => stdout);
    };
    const virsh = async (...args: string[]) =>
      (await user.run("virsh", ["-c", "qemu:///session", ...args])).stdout.trim();

    await user.mk(["start", "--driver=kvm2", "--kvm2-uri=qemu:///session", "--cpus=2", "--memory=1024"]);
    expect(JSON.stringify(await status())).toContain('"running"');
    expect(await virsh("list", "--all", "--name")).toBe("mk-mk");
    await user.mk(["ssh", "--", "sh", "-c", "docker version >/dev/null && echo kept | sudo tee /data/proof && sync"]);
    const before = await places();
    expect(before.join()).toContain("127.0.0.1");

    process.kill(await libvirtd(), "SIGKILL");
    expect(JSON.stringify(await status())).toContain('"running"');

    await user.mk(["stop"]);
    expect(JSON.stringify(await status())).toContain('"stopped"');
    await user.mk(["start"]);
    expect(await places()).toEqual(before);
    expect((await user.mk(["ssh", "--", "cat", "/data/proof"])).stdout.trim()).toBe("kept");

    await user.mk(["delete"]);
    expect(await virsh("list", "--all", "--name")).toBe("");
    expect(await virsh("net-list", "--all", "--name")).toBe("");
    // The session's own daemons end by themselves when nobody has used them for a while.
    expect((await programs()).filter((name) => !/^(libvirtd|virtlogd)$/.test(name))).toEqual([]);
    const { stdout } = await user.run("find", [user.home, "-name", "*mk-mk*", "-not", "-path", "*/log/*"]);
    expect(stdout).toBe("");

    async function programs(): Promise<readonly string[]> {
      const { stdout } = await user.run("ps", ["-u", user.name, "-o", "comm="]);
      return stdout.split("\n").filter((name) => name !== "" && name !== "ps");
    }
    async function libvirtd(): Promise<number> {
      return await until("the session's libvirtd runs", async () => {
        const { stdout } = await user.run("pgrep", ["-u", user.name, "-x", "libvirtd"]);
        return Number(stdout);
      });
    }
  });
});
