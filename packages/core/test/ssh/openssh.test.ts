import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import {
  createTransport,
  generateSshKeyPair,
  hostKeyAlias,
  interactiveSshCommand,
  knownHostsLine,
  sshConfig,
  sshTarget,
  type Transport,
} from "@mk/core";
import { freePort, live, temporaryDirectory, until } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { host, type PrivateSshd, privateSshd } from "./private-sshd.js";
import { transportContract } from "./transport-contract.js";

const suite = await live({ needs: ["sshd", "program:ssh"] });
const execute = promisify(execFile);

suite("a transport over OpenSSH", () => {
  let sshd: PrivateSshd;
  let transport: Transport;
  const machine = { name: "m1", directory: "" };
  beforeAll(async () => {
    sshd = await privateSshd("m1");
    machine.directory = sshd.directory.path;
    transport = createTransport(host, sshd.access, { machine });
  });
  afterAll(async () => {
    await transport?.[Symbol.asyncDispose]();
    await sshd?.[Symbol.asyncDispose]();
  });

  transportContract(() => transport);

  describe("connection", () => {
    test("is one for all calls", async () => {
      const connection = async (): Promise<string> =>
        (await transport.exec(["sh", "-c", 'printf %s "$SSH_CONNECTION"'])).stdout;
      const first = await connection();
      expect(first).toMatch(/^127\.0\.0\.1 \d+ /);
      expect(await connection()).toBe(first);
    });

    test("is made anew after it broke, and the broken call says so", async () => {
      const { stdout } = await transport.exec(["sh", "-c", 'printf %s "$PPID"']);
      const hanging = transport.exec(["sleep", "60"]);
      // The parent of the command is the server's process for this connection.
      await transport.exec(["sh", "-c", `kill -9 ${stdout}`]).catch(() => undefined);
      await expect(hanging).rejects.toMatchObject({ code: "NETWORK_FAILED" });
      expect(await transport.exec(["true"])).toMatchObject({ exitCode: 0 });
    });

    test("is not shared in its failure: an aborted caller leaves the others waiting", async () => {
      await using another = createTransport(host, sshd.access, { machine });
      const reason = new Error("enough");
      const abort = new AbortController();
      const aborted = another.exec(["true"], { signal: abort.signal });
      const patient = another.exec(["true"]);
      abort.abort(reason);
      await expect(aborted).rejects.toBe(reason);
      expect(await patient).toMatchObject({ exitCode: 0 });
    });

    test("refuses another host key than the pinned one", async () => {
      await using directory = await temporaryDirectory();
      const other = await generateSshKeyPair();
      await writeFile(directory.join("id_ed25519"), await readFile(sshd.directory.join("id_ed25519")));
      await writeFile(directory.join("known_hosts"), knownHostsLine(hostKeyAlias("m1"), other.publicKey));
      await using strict = createTransport(host, sshd.access, { machine: { name: "m1", directory: directory.path } });
      await expect(strict.exec(["true"])).rejects.toMatchObject({ code: "HOST_KEY_CHANGED" });
    });

    test("refuses to connect when no host key is pinned", async () => {
      await using directory = await temporaryDirectory();
      await writeFile(directory.join("id_ed25519"), await readFile(sshd.directory.join("id_ed25519")));
      await using strict = createTransport(host, sshd.access, { machine: { name: "m1", directory: directory.path } });
      await expect(strict.exec(["true"])).rejects.toMatchObject({ code: "CONFIG_CORRUPT" });
    });

    test("remembers a host key at first use, and is strict from then on", async () => {
      await using directory = await temporaryDirectory();
      await writeFile(directory.join("id_ed25519"), await readFile(sshd.directory.join("id_ed25519")));
      const access = { ...sshd.access, hostKey: "first-use" } as const;
      const foreign = { name: "m1", directory: directory.path };
      await using first = createTransport(host, access, { machine: foreign });
      await first.exec(["true"]);
      expect(await readFile(directory.join("known_hosts"), "utf8")).toBe(
        await readFile(sshd.directory.join("known_hosts"), "utf8"),
      );
      const other = await generateSshKeyPair();
      await writeFile(directory.join("known_hosts"), knownHostsLine(hostKeyAlias("m1"), other.publicKey));
      await using second = createTransport(host, access, { machine: foreign });
      await expect(second.exec(["true"])).rejects.toMatchObject({ code: "HOST_KEY_CHANGED" });
    });

    test("says that the machine does not take the key", async () => {
      await using directory = await temporaryDirectory();
      await writeFile(directory.join("id_ed25519"), (await generateSshKeyPair()).privateKey);
      await writeFile(directory.join("known_hosts"), await readFile(sshd.directory.join("known_hosts")));
      await using stranger = createTransport(host, sshd.access, {
        machine: { name: "m1", directory: directory.path },
      });
      await expect(stranger.exec(["true"])).rejects.toMatchObject({
        code: "SSH_FAILED",
        details: { phase: "authentication" },
      });
    });
  });

  describe("terminal", () => {
    test("is given with the size that was asked for", async () => {
      const { stdout } = await transport.exec(["stty", "size"], { tty: { columns: 132, rows: 43 } });
      expect(stdout.trim()).toBe("43 132");
    });

    test("reads text to its end", async () => {
      const { stdout } = await transport.exec(["sh", "-c", "stty -echo; echo; cat; echo end"], {
        tty: true,
        input: "typed\n",
      });
      expect(stdout.replaceAll("\r", "")).toMatch(/typed\nend\n$/);
    });

    test("carries a login shell, and its new size", async () => {
      const stdin = new PassThrough();
      const stdout = Object.assign(new PassThrough(), { columns: 90, rows: 30 });
      let seen = "";
      stdout.on("data", (chunk: Buffer) => {
        seen += chunk.toString();
      });
      const ended = transport.shell({ stdin, stdout });
      stdin.write("PS1=; stty -echo; echo ready $((40 + 2))\n");
      await until("the shell answers", () => seen.includes("ready 42"));
      stdout.columns = 91;
      stdout.emit("resize");
      stdin.write("until stty size | grep '30 91'; do sleep 0.05; done; exit 9\n");
      expect(await ended).toBe(9);
      expect(seen).toContain("30 91");
    });
  });

  describe("forward", () => {
    let echo: Server;
    beforeAll(async () => {
      // Answers only when the client has closed its half: both directions must end by themselves.
      echo = createServer({ allowHalfOpen: true }, (socket) => {
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk.toString();
        });
        socket.once("end", () => socket.end(`echo ${text}`));
        socket.on("error", () => undefined);
      });
      echo.listen(0, "127.0.0.1");
      await once(echo, "listening");
    });
    afterAll(() => {
      echo.close();
    });

    test.each(["port", "socket"] as const)(
      "carries connections from a port and from a socket to a %s",
      async (kind) => {
        await using directory = await temporaryDirectory();
        const to = kind === "port" ? { port: portOf(echo) } : { path: directory.join("guest") };
        const guest = createServer({ allowHalfOpen: true }, (socket) => echo.emit("connection", socket));
        if ("path" in to) {
          guest.listen(to.path);
          await once(guest, "listening");
        }
        await using fromPort = await transport.forward({}, to);
        await using fromSocket = await transport.forward({ path: directory.join("host") }, to);
        expect(fromPort.local).toMatchObject({ host: "127.0.0.1" });
        expect((await stat(directory.join("host"))).mode & 0o777).toBe(0o600);
        const many = Array.from({ length: 12 }, (_, index) => `call ${index}`);
        const answers = await Promise.all(many.flatMap((text) => [ask(fromPort, text), ask(fromSocket, text)]));
        expect(answers).toEqual(many.flatMap((text) => [`echo ${text}`, `echo ${text}`]));
        guest.close();
      },
    );

    test("stops to listen, cuts its connections and removes its socket when disposed", async () => {
      await using directory = await temporaryDirectory();
      const path = directory.join("s");
      const forward = await transport.forward({ path }, { port: portOf(echo) });
      const client = connect({ path });
      await once(client, "connect");
      await forward[Symbol.asyncDispose]();
      if (!client.closed) await once(client, "close");
      await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
    });

    test("cuts a connection that nobody takes in the guest", async () => {
      const port = await freePort();
      await using forward = await transport.forward({}, { port });
      expect(await ask(forward, "x")).toBe("");
      await expect(transport.dial({ port })).rejects.toMatchObject({ code: "NETWORK_FAILED" });
    });

    test("takes the place of a socket whose program is dead, but not of a live one", async () => {
      await using directory = await temporaryDirectory();
      const path = directory.join("s");
      const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
      await execute(process.execPath, ["-e", script]).catch(() => undefined);
      expect((await stat(path)).isSocket()).toBe(true);
      await using forward = await transport.forward({ path }, { port: portOf(echo) });
      expect(await ask(forward, "x")).toBe("echo x");
      await expect(transport.forward({ path }, { port: portOf(echo) })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    });

    test("refuses a taken port and a socket path that is too long", async () => {
      await expect(transport.forward({ port: portOf(echo) }, { port: 1 })).rejects.toMatchObject({
        code: "PORT_IN_USE",
      });
      await expect(transport.forward({ path: `/tmp/${"x".repeat(120)}` }, { port: 1 })).rejects.toMatchObject({
        code: "PATH_TOO_LONG",
      });
    });
  });

  describe("the system's ssh", () => {
    test("runs a command as given, by argv and by config file", async () => {
      // A directory with all that a config file must quote.
      await using directory = await temporaryDirectory('mk % "q" \' \\ ');
      for (const name of ["id_ed25519", "known_hosts"]) {
        await writeFile(directory.join(name), await readFile(sshd.directory.join(name)), { mode: 0o600 });
      }
      const target = sshTarget(sshd.access, { name: "m1", directory: directory.path });
      const args = ["a b", "it's", "$HOME", ""];
      const command = ["printf", "<%s>", ...args];
      const [ssh = "", ...argv] = interactiveSshCommand(target, { command, platform: process.platform });
      const printed = args.map((arg) => `<${arg}>`).join("");
      expect((await execute(ssh, argv)).stdout).toBe(printed);
      await writeFile(directory.join("ssh_config"), sshConfig(target));
      expect((await execute("ssh", ["-F", directory.join("ssh_config"), "m1", "printf", "ok"])).stdout).toBe("ok");
      expect((await execute("ssh", ["-F", directory.join("ssh_config"), "mk-m1", "printf", "ok"])).stdout).toBe("ok");
    });

    test("refuses another host key", async () => {
      await using directory = await temporaryDirectory();
      await writeFile(directory.join("id_ed25519"), await readFile(sshd.directory.join("id_ed25519")), { mode: 0o600 });
      const other = await generateSshKeyPair();
      await writeFile(directory.join("known_hosts"), knownHostsLine(hostKeyAlias("m1"), other.publicKey));
      const target = sshTarget(sshd.access, { name: "m1", directory: directory.path });
      const [ssh = "", ...argv] = interactiveSshCommand(target, { command: ["true"], platform: process.platform });
      await expect(execute(ssh, argv)).rejects.toMatchObject({ code: 255 });
    });
  });
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
  return address.port;
}

async function ask(
  { local }: { readonly local: { readonly host: string; readonly port: number } | { readonly path: string } },
  text: string,
): Promise<string> {
  const socket = connect({ ...local, allowHalfOpen: true });
  socket.on("error", () => undefined);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  socket.end(text);
  await once(socket, "close");
  return answer;
}
