import { live, privateLibvirt } from "@mk/testing";
import { expect, test } from "vitest";
import { ordinaryUser } from "./ordinary-user.js";

const suite = await live({
  needs: [
    "qemu",
    "libvirt",
    "linux",
    "root",
    "program:unshare",
    "program:nsenter",
    "program:useradd",
    "program:runuser",
  ],
});

/** Two boots under emulation, on a computer that does other things too. */
const LONG = { timeout: 900_000 };

suite("kvm2 on qemu:///system, of a user who is in the group libvirt", () => {
  test("lives a whole life on files that stay the user's, and leaves nothing", LONG, async () => {
    await using libvirt = await privateLibvirt();
    await using user = await ordinaryUser({ groups: ["libvirt"], within: libvirt.enter });
    const virsh = async (...args: string[]) =>
      (await user.run("virsh", ["-c", "qemu:///system", ...args])).stdout.trim();
    const owners = async () => {
      const { stdout } = await user.run("find", [`${user.home}/mk/machines`, "-printf", "%u:%g\n"]);
      return [...new Set(stdout.trim().split("\n"))];
    };

    await user.mk(["start", "--driver=kvm2", "--cpus=2", "--memory=1024"]);
    await user.mk(["ssh", "--", "sh", "-c", "docker version >/dev/null && echo kept | sudo tee /data/proof && sync"]);
    expect(await owners()).toEqual([`${user.name}:${user.name}`]);

    await user.mk(["stop"]);
    expect(await owners()).toEqual([`${user.name}:${user.name}`]);
    await user.mk(["start"]);
    await virsh("managedsave", "mk-mk");
    await user.mk(["start"]);
    expect((await user.mk(["ssh", "--", "cat", "/data/proof"])).stdout.trim()).toBe("kept");

    await user.mk(["delete"]);
    expect(await virsh("list", "--all", "--name")).toBe("");
    expect(await virsh("net-list", "--all", "--name")).toBe("");
    expect(await user.pids()).toEqual([]);
  });
});
