import { createTransport, generateSshKeyPair } from "@mk/core";
import { freePort, temporaryDirectory } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { fakeServer, speakSsh } from "./fake-ssh-server.js";
import { host } from "./private-sshd.js";

const VERSION = "SSH-2.0-fake\r\n";
/** Short where the deadline must strike, long where it must not. */
const SHORT_MS = 150;

describe("a connection to a server that", () => {
  test("accepts and stays silent ends by the banner's deadline", async () => {
    await using server = await fakeServer(() => undefined, { banner: SHORT_MS });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "TIMED_OUT",
      message: expect.stringContaining("say its version"),
      details: { phase: "banner", machine: "fake" },
    });
  });

  test("is never reached ends by the connection's deadline, with the hint of what may drop it", async () => {
    const connect: typeof host.network.connect = (_target, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    const dropping = { ...host, network: { ...host.network, connect } };
    await using server = await fakeServer(() => undefined, { connect: SHORT_MS }, dropping);
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "TIMED_OUT",
      hint: expect.stringMatching(/VPN.*firewall/),
      details: { phase: "connect" },
    });
  });

  test("says its version and stalls ends by the handshake's deadline", async () => {
    await using server = await fakeServer((socket) => socket.write(VERSION), { handshake: SHORT_MS });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "TIMED_OUT",
      details: { phase: "handshake" },
    });
  });

  test("sends a byte now and then ends by the banner's deadline all the same", async () => {
    await using server = await fakeServer(
      (socket) => {
        const timer = setInterval(() => socket.write("S"), 20);
        socket.once("close", () => clearInterval(timer));
      },
      { banner: SHORT_MS },
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "TIMED_OUT",
      details: { phase: "banner" },
    });
  });

  test("says its version byte by byte is waited for", async () => {
    await using server = await fakeServer((socket) => {
      for (const byte of VERSION) socket.write(byte);
      socket.once("data", () => socket.destroy());
    });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "SSH_FAILED",
      details: { phase: "handshake" },
    });
  });

  test("talks without end before its version is cut off", async () => {
    await using server = await fakeServer((socket) => {
      const line = Buffer.from(`${"blah ".repeat(200)}\r\n`);
      const talk = (): void => {
        while (!socket.destroyed && socket.write(line));
      };
      socket.on("drain", talk);
      talk();
    });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "SSH_FAILED",
      details: { phase: "banner" },
    });
  });

  test("greets with some lines before its version is let to", async () => {
    await using server = await fakeServer((socket) => {
      socket.write("welcome\r\nto the SSH-free zone\r\n");
      socket.write(VERSION);
      socket.end();
    });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "SSH_FAILED",
      details: { phase: "handshake" },
    });
  });

  test("resets the connection is named with the phase", async () => {
    await using server = await fakeServer((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "SSH_FAILED",
      details: { phase: "banner" },
    });
  });

  test("speaks HTTP is no SSH server", async () => {
    await using server = await fakeServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({ code: "SSH_FAILED" });
  });

  test("sends garbage after its version is no SSH server", async () => {
    await using server = await fakeServer((socket) => {
      socket.write(VERSION);
      socket.write(Buffer.alloc(4096, 0xff));
    });
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "SSH_FAILED",
      details: { phase: "handshake" },
    });
  });

  test("has another host key is not the machine", async () => {
    const impostor = await generateSshKeyPair();
    let didLogIn = false;
    await using server = await fakeServer((socket) =>
      speakSsh(socket, impostor.privateKey, (connection) => {
        connection.on("authentication", (context) => {
          didLogIn = true;
          context.accept();
        });
      }),
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({ code: "HOST_KEY_CHANGED" });
    expect(didLogIn).toBe(false);
  });

  test("never answers to the login ends by its deadline", async () => {
    await using server = await fakeServer(
      (socket, hostKey) => speakSsh(socket, hostKey, (connection) => connection.on("authentication", () => undefined)),
      { authentication: SHORT_MS },
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "TIMED_OUT",
      details: { phase: "authentication" },
    });
  });

  test("rejects the key is named as such", async () => {
    await using server = await fakeServer((socket, hostKey) =>
      speakSsh(socket, hostKey, (connection) => connection.on("authentication", (context) => context.reject())),
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({
      code: "SSH_FAILED",
      details: { phase: "authentication" },
      hint: expect.any(String),
    });
  });

  test("drops the connection after the login fails the call, and the next call connects again", async () => {
    let connections = 0;
    await using server = await fakeServer((socket, hostKey) =>
      speakSsh(socket, hostKey, (connection) => {
        connections++;
        connection.on("authentication", (context) => context.accept());
        connection.on("session", (accept) => {
          accept().on("exec", (acceptExec) => {
            const channel = acceptExec();
            if (connections === 1) return socket.destroy();
            channel.exit(0);
            channel.end();
          });
        });
      }),
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({ code: "NETWORK_FAILED" });
    expect(await server.transport.exec(["true"])).toMatchObject({ exitCode: 0 });
    expect(connections).toBe(2);
  });

  test("exchanges new keys within the connection is not waited for to answer to a second login", async () => {
    const authentication = 3_000;
    await using server = await fakeServer(
      (socket, hostKey) =>
        speakSsh(socket, hostKey, (connection) => {
          connection.on("authentication", (context) => context.accept());
          connection.on("session", (accept) => {
            accept().on("exec", (acceptExec) => {
              const channel = acceptExec();
              // The program lives until a second login would be too late.
              const end = (): void => {
                channel.exit(0);
                channel.end();
              };
              connection.rekey(() => setTimeout(end, authentication + SHORT_MS));
            });
          });
        }),
      { authentication },
    );
    expect(await server.transport.exec(["true"])).toMatchObject({ exitCode: 0 });
  });

  test("refuses to start programs says so, and is not asked for ever", async () => {
    await using server = await fakeServer((socket, hostKey) =>
      speakSsh(socket, hostKey, (connection) => {
        connection.on("authentication", (context) => context.accept());
        connection.on("session", (_accept, reject) => reject());
      }),
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({ code: "SSH_FAILED" });
  });

  test("refuses a session because it has not freed the last one yet is asked again", async () => {
    let requests = 0;
    await using server = await fakeServer((socket, hostKey) =>
      speakSsh(socket, hostKey, (connection) => {
        connection.on("authentication", (context) => context.accept());
        connection.on("session", (accept, reject) => {
          if (++requests === 2) return void reject();
          accept().on("exec", (acceptExec) => {
            const channel = acceptExec();
            channel.exit(0);
            channel.end();
          });
        });
      }),
    );
    await server.transport.exec(["true"]);
    expect(await server.transport.exec(["true"])).toMatchObject({ exitCode: 0 });
    expect(requests).toBe(3);
  });

  test("closes a channel without an exit code has lost the program", async () => {
    await using server = await fakeServer((socket, hostKey) =>
      speakSsh(socket, hostKey, (connection) => {
        connection.on("authentication", (context) => context.accept());
        connection.on("session", (accept) => {
          accept().on("exec", (acceptExec) => acceptExec().end());
        });
      }),
    );
    await expect(server.transport.exec(["true"])).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  });

  test("is not there is named with its address", async () => {
    const port = await freePort();
    await using directory = await temporaryDirectory();
    await host.files.write(directory.join("id_ed25519"), (await generateSshKeyPair()).privateKey);
    await using transport = createTransport(
      host,
      { via: "ssh", host: "127.0.0.1", port, user: "mk", hostKey: "first-use" },
      { machine: { name: "m", directory: directory.path } },
    );
    await expect(transport.exec(["true"])).rejects.toMatchObject({
      code: "NETWORK_FAILED",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  test("stalls ends when the caller aborts, with the caller's reason", async () => {
    await using server = await fakeServer(() => undefined);
    const abort = new AbortController();
    const reason = new Error("enough");
    const running = server.transport.exec(["true"], { signal: abort.signal });
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test("runs a program without end is left when the transport is closed", async () => {
    let onExec: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      onExec = resolve;
    });
    await using server = await fakeServer((socket, hostKey) =>
      speakSsh(socket, hostKey, (connection) => {
        connection.on("authentication", (context) => context.accept());
        connection.on("session", (accept) => {
          accept().on("exec", (acceptExec) => {
            acceptExec();
            onExec();
          });
        });
      }),
    );
    const failed = expect(server.transport.exec(["sleep"])).rejects.toMatchObject({ code: "CANCELLED" });
    await started;
    await server.transport[Symbol.asyncDispose]();
    await failed;
  });

  test("stalls ends when the transport is closed", async () => {
    let onConnect: () => void = () => undefined;
    const connected = new Promise<void>((resolve) => {
      onConnect = resolve;
    });
    await using server = await fakeServer(() => onConnect());
    const running = server.transport.exec(["true"]);
    const failed = expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    await connected;
    await server.transport[Symbol.asyncDispose]();
    await failed;
  });
});
