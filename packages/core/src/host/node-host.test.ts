import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createNodeHost } from "./node-host.js";

describe("createNodeHost", () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "mk-host-"));
  });
  afterAll(() => rm(home, { recursive: true }));

  test("runs a program and answers its output and exit code", async () => {
    const host = createNodeHost({ home });
    const result = await host.run("sh", ["-c", "cat; echo oops >&2; exit 3"], { input: "hello", allowFailure: true });
    expect(result).toEqual({ stdout: "hello", stderr: "oops\n", exitCode: 3 });
  });

  test("starts a daemon whose identity proves it alive until it is killed", async () => {
    const host = createNodeHost({ home });
    const daemon = await host.processes.spawnDaemon("sleep", ["60"]);
    expect(await host.processes.isAlive(daemon.identity)).toBe(true);
    expect(await host.processes.signal(daemon.identity, "SIGKILL")).toBe(true);
    await host.processes.waitGone(daemon.identity, AbortSignal.timeout(10_000));
    expect(await host.processes.isAlive(daemon.identity)).toBe(false);
  });

  test("knows a process of macOS again in a session with another time zone", async () => {
    const PATH = `${home}:${process.env.PATH}`;
    await writeFile(join(home, "sysctl"), "#!/bin/sh\necho boot\n", { mode: 0o755 });
    // As macOS' own does for `lstart`, in local time.
    const ps = `const [day, month, date, year, time] = new Date(1e9).toString().split(" ");
      console.log("S", day, month, date, time, year, "/bin/mk");`;
    await writeFile(join(home, "ps"), `#!${process.execPath}\n${ps}\n`, { mode: 0o755 });
    using platform = vi.spyOn(process, "platform", "get").mockReturnValue("darwin");
    void platform;
    const [here, there] = ["Europe/Berlin", "Asia/Tokyo"].map(
      (TZ) => createNodeHost({ home, env: { PATH, TZ } }).processes,
    );
    const identity = await here?.identify(42);
    expect(identity).toMatchObject({ startTime: "Mon Jan 12 13:46:40 1970" });
    expect(await there?.identify(42)).toEqual(identity);
  });

  test("remembers a fact until the host reboots", async () => {
    const host = createNodeHost({ home });
    expect(await host.cache.read("kvm")).toBeUndefined();
    await host.cache.write("kvm", { works: false });
    expect(await createNodeHost({ home }).cache.read("kvm")).toEqual({ works: false });
  });

  test("leases a port, keeps it, and hands it over", async () => {
    const host = createNodeHost({ home });
    const lease = await host.network.leasePort();
    await expect(host.network.leasePort({ preferred: lease.port, exact: true })).rejects.toMatchObject({
      code: "PORT_IN_USE",
    });
    await lease.release();
    const again = await host.network.leasePort({ preferred: lease.port });
    expect(again.port).toBe(lease.port);
    await again.release();
  });

  test("has a run directory that is the same each time", async () => {
    const host = createNodeHost({ home });
    const directory = await host.runDirectory(home);
    expect(await host.runDirectory(home)).toBe(directory);
    expect(await host.files.stat(directory)).toMatchObject({ kind: "directory", mode: 0o700 });
    await host.files.remove(directory);
  });

  test("knows this computer", () => {
    const host = createNodeHost({ home });
    expect(host.platform).toBe(process.platform);
    expect(host.cpus).toBeGreaterThan(0);
    expect(host.memoryMiB).toBeGreaterThan(0);
    expect(host.user.uid).toBe(process.geteuid?.());
  });
});
