import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { createTransport, generateSshKeyPair, hostKeyAlias, knownHostsLine, type Transport } from "@mk/core";
import { freePort, live, type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { host } from "./private-sshd.js";
import { transportContract } from "./transport-contract.js";

const suite = await live({
  needs: ["linux", "root", "program:dropbear", "program:dropbearconvert", "program:unshare"],
});

// https://github.com/mkj/dropbear/pull/326: a program's end could close another session before its request had come.
const version = /v(\d+\.\d+)/.exec((await host.run("sh", ["-c", "dropbear -V 2>&1 || :"])).stdout)?.[1] ?? "";
const isFlawed = version < "2024.86";

// What the guest runs: no SFTP server, another set of algorithms, and signals that are passed on.
suite("a transport over dropbear", () => {
  let directory: TemporaryDirectory;
  let port: number;
  let transport: Transport;
  let stop: () => Promise<void> = async () => undefined;

  beforeAll(async () => {
    directory = await temporaryDirectory("mk-dropbear-");
    const [user, key] = await Promise.all([generateSshKeyPair(), generateSshKeyPair()]);
    await host.files.write(directory.join("id_ed25519"), user.privateKey);
    await host.files.write(directory.join("host_key"), key.privateKey);
    await host.files.write(directory.join("authorized_keys"), `${user.publicKey}\n`);
    await writeFile(directory.join("known_hosts"), knownHostsLine(hostKeyAlias("m1"), key.publicKey));
    await host.run("dropbearconvert", [
      "openssh",
      "dropbear",
      directory.join("host_key"),
      directory.join("dropbear_key"),
    ]);
    // Its only place for keys is the user's home: a mount of the server's own keeps the real one out of this.
    const script = `mount -t tmpfs -o mode=0700 none /root && mkdir -m 700 /root/.ssh && cp "$1/authorized_keys" /root/.ssh/ &&
      exec dropbear -F -E -s -P "$1/pid" -r "$1/dropbear_key" -p "127.0.0.1:$2"`;
    port = await freePort();
    const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", directory.path, String(port)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    stop = async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    };
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    await until("dropbear listens", async () => {
      if (child.exitCode !== null) throw new Error(`dropbear ended: ${log}`);
      return readFile(directory.join("pid"), "utf8").catch(() => undefined);
    });
  });
  // A connection for each test: what the flaw closes is the session of the next test when a program that was aborted ends only now.
  beforeEach(() => {
    const access = { via: "ssh", host: "127.0.0.1", port, user: "root", hostKey: "pinned" } as const;
    transport = createTransport(host, access, { machine: { name: "m1", directory: directory.path } });
  });
  afterEach(() => transport[Symbol.asyncDispose]());
  afterAll(async () => {
    await stop();
    await directory?.[Symbol.asyncDispose]();
  });

  transportContract(() => transport, {
    ...(isFlawed && { flaw: "dropbear before 2024.86 closes sessions by mistake" }),
  });

  test("forwards a port", async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    const address = echo.address();
    if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
    const connection = await transport.dial({ port: address.port });
    connection.end("there and back");
    let text = "";
    for await (const chunk of connection) text += String(chunk);
    expect(text).toBe("there and back");
    echo.close();
  });

  test("gives a terminal that is not hung up before the program has ended", async () => {
    const { stdout, exitCode } = await transport.exec(["sh", "-c", "sleep 0.3; stty size"], {
      tty: { columns: 100, rows: 20 },
    });
    expect(stdout.trim()).toBe("20 100");
    expect(exitCode).toBe(0);
  });
});
