import { once } from "node:events";
import { chmod, chown, mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { createTransport, type Transport } from "@mk/core";
import { live, type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { host } from "./private-sshd.js";
import { transportContract } from "./transport-contract.js";

const machine = { name: "m1", directory: "/nonexistent" };

/** Of a program that writes it there once it runs. */
async function pidIn(path: string): Promise<number> {
  return await until(`${path} has a pid`, async () => Number(await host.files.readText(path)) || undefined);
}

describe("a transport over a program of the host", () => {
  let transport: Transport;
  beforeAll(() => {
    transport = createTransport(host, { via: "exec", argv: ["env", "-u", "MK_HOME"] }, { machine });
  });
  afterAll(() => transport[Symbol.asyncDispose]());

  transportContract(() => transport);

  test("lets go of a daemon that keeps a program's output open", async () => {
    await using directory = await temporaryDirectory("mk-exec-");
    const pidFile = directory.join("pid");
    const other = createTransport(host, { via: "exec", argv: ["env"] }, { machine });
    const started = other.exec(["sh", "-c", `setsid sh -c 'echo $$ >"$0"; exec sleep 600' "$0" &`, pidFile]);
    started.catch(() => undefined);
    const pid = await pidIn(pidFile);
    try {
      // Its own end is not waited for.
      await other[Symbol.asyncDispose]();
      expect(await host.processes.identify(pid)).toBeDefined();
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  test("starts nothing once it is closed", async () => {
    await using directory = await temporaryDirectory("mk-exec-");
    let find = (): void => undefined;
    const found = new Promise<void>((resolve) => {
      find = resolve;
    });
    const slow = { ...host, which: (name: string) => found.then(() => host.which(name)) };
    const other = createTransport(slow, { via: "exec", argv: ["env"] }, { machine });
    const failed = expect(other.exec(["touch", directory.join("x")])).rejects.toMatchObject({ code: "CANCELLED" });
    await other[Symbol.asyncDispose]();
    find();
    await failed;
    expect(await host.files.list(directory.path)).toEqual([]);
  });

  test("kills a program that does not heed an abort", async () => {
    await using directory = await temporaryDirectory("mk-exec-");
    const pidFile = directory.join("pid");
    const controller = new AbortController();
    const stubborn = ["sh", "-c", `trap '' TERM; echo $$ >"$0"; while :; do sleep 1; done`, pidFile];
    const started = transport.exec(stubborn, { signal: controller.signal });
    const pid = await pidIn(pidFile);
    const identity = await host.processes.identify(pid);
    controller.abort();
    await expect(started).rejects.toBe(controller.signal.reason);
    if (identity !== undefined) await host.processes.waitGone(identity, AbortSignal.timeout(20_000));
  });

  test("does not wait longer than its signal for a machine that does not answer", async () => {
    await using directory = await temporaryDirectory("mk-exec-");
    const pidFile = directory.join("pid");
    const deaf = ["sh", "-c", `echo $$ >"$0"; exec sleep 600`, pidFile];
    await using other = createTransport(host, { via: "exec", argv: deaf }, { machine });
    const controller = new AbortController();
    const connecting = other.connect(controller.signal);
    const pid = await pidIn(pidFile);
    const identity = await host.processes.identify(pid);
    controller.abort();
    await expect(connecting).rejects.toBe(controller.signal.reason);
    if (identity !== undefined) await host.processes.waitGone(identity, AbortSignal.timeout(20_000));
  });

  test("names a file of a tree whose path is too long to be read", async () => {
    await using directory = await temporaryDirectory("mk-deep-");
    const name = "x".repeat(240);
    const deep = directory.join(...Array.from({ length: 16 }, () => name));
    await mkdir(deep, { recursive: true });
    // Only by a relative path can be made what is beyond Linux' 4096 bytes, and be removed.
    await host.run("mkdir", [name], { cwd: deep });
    try {
      await expect(transport.copyTo(directory.path, directory.join("copy"))).rejects.toMatchObject({
        code: "PATH_TOO_LONG",
        message: expect.stringContaining(deep),
      });
    } finally {
      await host.run("rmdir", [name], { cwd: deep });
    }
  });

  test("gives no terminal", async () => {
    await expect(transport.exec(["true"], { tty: true })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("names the program that is missing", async () => {
    const missing = createTransport(host, { via: "exec", argv: ["mk-no-such-program"] }, { machine });
    await expect(missing.exec(["true"])).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  });
});

const suite = await live({ needs: ["program:busybox"] });

suite("a transport into a guest that has busybox alone", () => {
  let bin: TemporaryDirectory;
  let transport: Transport;
  beforeAll(async () => {
    bin = await temporaryDirectory("mk-busybox-");
    const applets = (await host.run("busybox", ["--list"])).stdout.split("\n").filter((name) => name !== "");
    const path = (await host.which("busybox")) ?? "";
    await Promise.all(applets.map((name) => symlink(path, bin.join(name))));
    transport = createTransport(host, { via: "exec", argv: ["env", "-i", `PATH=${bin.path}`] }, { machine });
  });
  afterAll(async () => {
    await transport[Symbol.asyncDispose]();
    await bin[Symbol.asyncDispose]();
  });

  transportContract(() => transport);

  test("reaches a port in the guest by netcat, and forwards to it", async () => {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    const address = echo.address();
    if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
    const connection = await transport.dial({ port: address.port });
    await expectEcho(connection);
    await using forward = await transport.forward({}, { port: address.port });
    if (!("port" in forward.local)) throw new TypeError("not a port");
    await expectEcho(connect(forward.local));
    echo.close();
  });

  test("reaches no unix socket", async () => {
    await expect(transport.dial({ path: "/run/x.sock" })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });
});

const ordinary = await live({ needs: ["linux", "root", "program:busybox", "program:setpriv"] });

ordinary("a copy by a user who is not root, with busybox", () => {
  test.each([0o022, 0o077])("keeps modes under umask %o, read-only directories filled", async (mask) => {
    await using bin = await temporaryDirectory("mk-busybox-");
    await chmod(bin.path, 0o755);
    const busybox = (await host.which("busybox")) ?? "";
    for (const name of ["sh", "tar", "mkdir", "chmod", "cat", "mv", "rm", "wc"]) await symlink(busybox, bin.join(name));
    await using guest = await temporaryDirectory("mk-guest-");
    await chown(guest.path, 65534, 65534);
    await mkdir(guest.join("source", "read-only", "below"), { recursive: true });
    await writeFile(guest.join("source", "read-only", "below", "shared"), "x");
    await chmod(guest.join("source", "read-only", "below", "shared"), 0o664);
    await chmod(guest.join("source", "read-only", "below"), 0o775);
    await chmod(guest.join("source", "read-only"), 0o555);
    const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i", `PATH=${bin.path}`];
    const argv = [...user, "sh", "-c", `umask ${mask.toString(8)}; exec "$@"`, "sh"];
    await using transport = createTransport(host, { via: "exec", argv }, { machine });
    await transport.copyTo(guest.join("source"), guest.join("copy"));
    const modeOf = async (...path: readonly string[]): Promise<number> =>
      (await stat(guest.join("copy", ...path))).mode & 0o7777;
    expect(await modeOf("read-only")).toBe(0o555);
    expect(await modeOf("read-only", "below")).toBe(0o775);
    expect(await modeOf("read-only", "below", "shared")).toBe(0o664);
    expect((await stat(guest.join("copy", "read-only"))).uid).toBe(65534);
  });
});

async function expectEcho(connection: Duplex): Promise<void> {
  connection.write("there and back");
  const [chunk] = await once(connection, "data");
  expect(String(chunk)).toBe("there and back");
  connection.destroy();
}
