import { type ScriptedProcess, scriptedHost } from "@mk/conformance";
import { describe, expect, it } from "vitest";
import { connectSocket } from "./libvirt-socket.js";

const never = new AbortController().signal;
const SOCKET = "/home/user/.cache/libvirt/libvirt-sock";

/** A daemon that takes its time to listen. */
async function daemon(process: ScriptedProcess): Promise<void> {
  await process.delay(700);
  process.host.files.place("/home/user/.cache/libvirt/.keep", "");
  process.listen({ path: SOCKET }, (stream) => stream.resume());
  await process.forever();
}

describe("a libvirt session", () => {
  it("gets its daemon started and is connected to when it listens", async () => {
    await using host = scriptedHost({ programs: { "/usr/sbin/libvirtd": daemon } });
    const stream = await connectSocket(host, "qemu:///session", never);
    expect(host.inventory()).toContain(`connection to ${SOCKET}`);
    expect(host.processes.list().map(({ args }) => args)).toEqual([["--timeout=120"]]);
    expect(host.inventory().filter((line) => line.includes("daemon.log"))).toEqual([]);
    stream.destroy();
  });

  it("waits for the daemon of another mk that was faster", async () => {
    let starts = 0;
    const racing = async (process: ScriptedProcess): Promise<number> => {
      if (starts++ > 0) return 1;
      await daemon(process);
      return 0;
    };
    await using host = scriptedHost({ programs: { "/usr/sbin/libvirtd": racing } });
    const streams = await Promise.all([1, 2].map(() => connectSocket(host, "qemu:///session", never)));
    expect(host.processes.list()).toHaveLength(1);
    for (const stream of streams) stream.destroy();
  });

  it("is looked for where libvirt looks: the runtime directory, then the cache's", async () => {
    for (const [env, directory] of [
      [{ XDG_RUNTIME_DIR: "/run/user/1000", XDG_CACHE_HOME: "/cache" }, "/run/user/1000/libvirt"],
      [{ XDG_RUNTIME_DIR: "", XDG_CACHE_HOME: "/cache" }, "/cache/libvirt"],
    ] as const) {
      await using host = scriptedHost({ env });
      host.files.place(`${directory}/.keep`, "");
      const close = host.network.listen({ path: `${directory}/libvirt-sock` }, () => {});
      (await connectSocket(host, "qemu:///session", never)).destroy();
      close();
    }
  });

  it("says what its daemon said when that ends instead of listening", async () => {
    const failing = (process: ScriptedProcess): number => {
      process.complain("info: libvirt version\nerror: Unable to create directory\n");
      return 4;
    };
    await using host = scriptedHost({ programs: { "/usr/sbin/virtqemud": failing } });
    await expect(connectSocket(host, "qemu:///session", never)).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      message: "/usr/sbin/virtqemud ended while it started: error: Unable to create directory",
    });
  });

  it("is refused with a fix for root and where no daemon is installed", async () => {
    await using root = scriptedHost({ user: { uid: 0, gid: 0, name: "root" } });
    await expect(connectSocket(root, "qemu:///session", never)).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      hint: expect.stringContaining("qemu:///system"),
    });
    await using host = scriptedHost();
    await expect(connectSocket(host, "qemu:///session", never)).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      hint: expect.stringContaining("Install"),
    });
  });
});
