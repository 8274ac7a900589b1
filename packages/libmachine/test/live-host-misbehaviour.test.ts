import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { live, type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PluginSession } from "../src/host/plugin-session.js";
import { toWireOptions } from "../src/protocol/flags.js";
import { METHODS, type MethodName } from "../src/protocol/methods.js";
import type { RpcMethod } from "../src/rpc/rpc-client.js";
import { type Bundle, bundle } from "./support/bundle.js";
import { buildGoPeers, type GoPeers } from "./support/go-peers.js";
import { hasCode } from "./support/isolated-machine.js";
import { isAlive, type PeerOptions, peerSession } from "./support/peer-session.js";

const suite = await live({ needs: ["go", "linux"] });

/** The line that the peer writes to its PEER_LOG when it is in this method, before it does as it is told there. */
const callOf = (name: string, log: string): Promise<string> =>
  until(`${name} is called`, async () =>
    (await readFile(log, "utf8").catch(() => "")).split("\n").find((text) => text.endsWith(` ${name}`)),
  );

suite("a plugin that misbehaves", () => {
  let peers: GoPeers;
  let store: string;
  const sessions: PluginSession[] = [];

  beforeAll(async () => {
    peers = await buildGoPeers();
  });
  afterAll(async () => {
    await peers[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    store = await mkdtemp(join(tmpdir(), "mk-peer-store-"));
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()));
    await rm(store, { recursive: true, force: true });
  });

  const open = async (
    env: Readonly<Record<string, string>>,
    more: Partial<PeerOptions> = {},
  ): Promise<PluginSession> => {
    const session = await peerSession({ path: peers.plugin, env, store, ...more });
    sessions.push(session);
    return session;
  };
  const anySignal = () => AbortSignal.timeout(60_000);

  describe("at its start", () => {
    it("fails with COMMAND_NOT_FOUND when there is no such program", async () => {
      await expect(open({}, { path: "/nonexistent/docker-machine-driver-peer" })).rejects.toSatisfy(
        hasCode("COMMAND_NOT_FOUND"),
      );
    });

    it("fails with PERMISSION_DENIED when the program may not be run", async () => {
      const path = join(store, "docker-machine-driver-peer");
      await writeFile(path, "", { mode: 0o644 });
      await expect(open({}, { path })).rejects.toSatisfy(hasCode("PERMISSION_DENIED"));
    });

    it("fails with PLUGIN_CRASHED, exit code and stderr when it exits before its address", async () => {
      await expect(open({ PEER_EXIT: "7" })).rejects.toSatisfy(
        hasCode("PLUGIN_CRASHED", "exit code 7 before it printed its address: peer: exiting early"),
      );
    });

    it("fails with PLUGIN_CRASHED when it exits with 0 without a word", async () => {
      await expect(open({ PEER_EXIT: "0" })).rejects.toSatisfy(hasCode("PLUGIN_CRASHED", "exit code 0"));
    });

    it("fails with PROTOCOL_ERROR when it prints nothing for 10 s", async () => {
      await expect(open({ PEER_NO_ADDR: "60" })).rejects.toSatisfy(hasCode("PROTOCOL_ERROR", "no address within 10 s"));
    });

    it.each([
      ["a banner", { PEER_BANNER: "hello world\\n" }],
      ["an empty line", { PEER_BANNER: "\\n" }],
      ["an address of another computer", { PEER_ADDR: "10.0.0.1:80" }],
      ["an address of all interfaces", { PEER_ADDR: "0.0.0.0:80" }],
      ["a name", { PEER_ADDR: "example.com:80" }],
      ["a port that is none", { PEER_ADDR: "127.0.0.1:99999" }],
      ["a page of text", { PEER_BANNER: "x".repeat(5000) }],
      ["control characters", { PEER_ADDR: "\u001b[2J\u0007" }],
    ])("fails with PROTOCOL_ERROR when it prints %s for its address", async (_what, env) => {
      await expect(open(env)).rejects.toSatisfy(hasCode("PROTOCOL_ERROR"));
    });

    it("fails with PROTOCOL_ERROR when nobody listens at its address", async () => {
      await expect(open({ PEER_ADDR: "127.0.0.1:1" })).rejects.toSatisfy(hasCode("PROTOCOL_ERROR"));
    });

    it("fails with PROTOCOL_ERROR before a word is said when another process listens at its address", async () => {
      let heard = 0;
      const server = createServer((socket) =>
        socket.on("data", (chunk) => (heard += chunk.length)).on("error", () => undefined),
      );
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      await expect(open({ PEER_ADDR: `127.0.0.1:${port}` })).rejects.toSatisfy(
        hasCode("PROTOCOL_ERROR", "not its own"),
      );
      expect(heard).toBe(0);
      server.close();
    });

    it("fails with DRIVER_UNSUPPORTED when it speaks another version", async () => {
      await expect(open({ PEER_VERSION: "2" })).rejects.toSatisfy(hasCode("DRIVER_UNSUPPORTED", "version 2"));
    });

    it("is spoken to under the old service name when it knows no other", async () => {
      const session = await open({ PEER_ONLY_V0: "1" });
      expect(await session.call(METHODS.DriverName, {}, anySignal())).toBe("peer");
    });
  });

  describe("in a call", () => {
    const argumentOf = (name: MethodName): unknown => {
      if (name === "SetConfigRaw") return Buffer.from("{}");
      if (name === "SetConfigFromFlags") return toWireOptions({}, "*rpcdriver.RPCFlags");
      return {};
    };
    const call = async (session: PluginSession, name: MethodName, signal: AbortSignal): Promise<unknown> => {
      // The peer asks for a running machine before it does as it is told.
      if (name === "GetIP" || name === "GetURL") await session.call(METHODS.Create, {}, signal);
      return await session.call(METHODS[name] as RpcMethod, argumentOf(name), signal);
    };
    /** Heartbeat and Close are the session's own. */
    const names = (Object.keys(METHODS) as MethodName[]).filter((name) => name !== "Heartbeat" && name !== "Close");

    it.each(names)("fails with PLUGIN_CRASHED when it dies in %s", async (name) => {
      const run = async () => {
        const session = await open({ PEER_DIE_ON: name });
        await call(session, name, anySignal());
      };
      await expect(run()).rejects.toSatisfy(hasCode("PLUGIN_CRASHED", "exit code 4"));
    });

    it.each(["Create", "GetState"] as const)(
      "fails with PLUGIN_CRASHED when it resets the connection in %s",
      async (name) => {
        const session = await open({ PEER_DIE_ON: `${name}:reset` });
        await expect(call(session, name, anySignal())).rejects.toSatisfy(hasCode("PLUGIN_CRASHED"));
        expect(session.isUsable).toBe(false);
      },
    );

    it.each(names)("is given up and ended when it hangs in %s", async (name) => {
      const log = join(store, "calls");
      const controller = new AbortController();
      const { signal } = controller;
      const run = async () => {
        const session = await open({ PEER_HANG_ON: name, PEER_LOG: log }, { signal });
        await call(session, name, signal);
      };
      const given = run().catch((error: unknown) => error);
      await callOf(name, log);
      controller.abort(new Error("enough"));
      expect(await given).toBe(signal.reason);
      for (const session of sessions.splice(0)) {
        expect(session.isUsable).toBe(false);
        await session.close();
        expect(await isAlive(session.pid)).toBe(false);
      }
    });

    it.each(names)("fails with DRIVER_FAILED and its own text when %s fails", async (name) => {
      const run = async () => {
        const session = await open({ PEER_ERROR_ON: `${name}=the text` });
        await call(session, name, anySignal());
      };
      await expect(run()).rejects.toSatisfy(hasCode("DRIVER_FAILED", "the text"));
    });

    it("fails with DRIVER_FAILED when Create panics and the library turns that into an error", async () => {
      const session = await open({ PEER_PANIC_ON: "Create" });
      await expect(call(session, "Create", anySignal())).rejects.toSatisfy(
        hasCode("DRIVER_FAILED", "peer was told to panic"),
      );
    });

    it("fails with PLUGIN_CRASHED when another method panics", async () => {
      const session = await open({ PEER_PANIC_ON: "Start" });
      await expect(call(session, "Start", anySignal())).rejects.toSatisfy(hasCode("PLUGIN_CRASHED"));
    });

    it("fails with PLUGIN_CRASHED when heartbeats get no answer", async () => {
      const session = await open({ PEER_HANG_ON: "Heartbeat", PEER_SLOW: "Create=1h" }, { heartbeatMs: 50 });
      await expect(call(session, "Create", anySignal())).rejects.toSatisfy(
        hasCode("PLUGIN_CRASHED", "does not answer any more"),
      );
    });

    it("fails with PLUGIN_CRASHED when a heartbeat is answered with an error", async () => {
      const session = await open({ PEER_ERROR_ON: "Heartbeat=tired", PEER_SLOW: "Create=1h" }, { heartbeatMs: 50 });
      await expect(call(session, "Create", anySignal())).rejects.toSatisfy(hasCode("PLUGIN_CRASHED", "tired"));
    });

    it("is ended after the call that it never finishes closing after", async () => {
      const session = await open({ PEER_HANG_ON: "Close" });
      await session.close();
      expect(await isAlive(session.pid)).toBe(false);
    });

    it("answers other calls while Create runs", async () => {
      const session = await open({ PEER_HANG_ON: "Create" });
      const controller = new AbortController();
      const creating = call(session, "Create", controller.signal).catch((error: unknown) => error);
      // The peer holds its lock in no method that is asked here.
      const names = await Promise.all(
        Array.from({ length: 50 }, () => session.call(METHODS.DriverName, {}, anySignal())),
      );
      expect(new Set(names)).toEqual(new Set(["peer"]));
      controller.abort(new Error("enough"));
      expect(await creating).toEqual(new Error("enough"));
    });

    it.each([["*rpc.RPCFlags"], ["*rpcdriver.RpcFlags"]])(
      "gets its options under the name %s when it refuses the usual one",
      async (typeName) => {
        const lines: string[] = [];
        const session = await open({ PEER_FLAGS_NAME: typeName }, { onLine: (line) => lines.push(line) });
        await session.setFlags({ "peer-token": "abc", "peer-cpus": 5, "peer-tag": ["x"] }, anySignal());
        expect(JSON.parse(await session.getConfig(anySignal()))).toMatchObject({ Token: "abc", CPUs: 5, Tags: ["x"] });
      },
    );

    it("is refused options that it refuses itself", async () => {
      const session = await open({});
      await expect(session.setFlags({ "peer-token": "bad" }, anySignal())).rejects.toSatisfy(
        hasCode("DRIVER_FAILED", "peer-token is refused"),
      );
    });

    it("may have a configuration of 20 MB", async () => {
      const session = await open({ PEER_BIG: "20000000" });
      expect((await session.getConfig(anySignal())).length).toBeGreaterThan(20_000_000);
    });
  });

  describe("on its pipes", () => {
    it.each([
      ["100,000 lines on both pipes", { PEER_NOISE: "100000" }],
      ["a line of 70,000 bytes on stdout", { PEER_LONG: "70000" }],
      ["a line of 70,000 bytes on stderr", { PEER_LONG: "-70000" }],
      ["a line of 50 MB", { PEER_LONG: "50000000" }],
    ])("does not stop Create with %s", async (_what, env) => {
      let longest = 0;
      const session = await open(env, {
        onLine: (line) => {
          longest = Math.max(longest, line.length);
        },
      });
      await session.call(METHODS.Create, {}, anySignal());
      expect(longest).toBeLessThan(9000);
    });
  });
});

suite("mk beside a plugin", () => {
  let peers: GoPeers;
  let program: Bundle;
  let logs: TemporaryDirectory;

  beforeAll(async () => {
    [peers, program, logs] = await Promise.all([
      buildGoPeers(),
      bundle("programs/create-peer.ts", "create-peer"),
      temporaryDirectory("mk-peer-log-"),
    ]);
  });
  afterAll(async () => {
    await Promise.all([peers, program, logs].map((each) => each[Symbol.asyncDispose]()));
  });

  interface RunningMk {
    readonly child: ChildProcess;
    readonly directory: string;
    readonly lines: AsyncIterator<string>;
    readonly pluginPid: number;
  }

  /** An mk that is in the middle of a Create which takes this long. */
  const creating = async (slow: string): Promise<RunningMk> => {
    const log = logs.join("calls");
    const child = spawn(process.execPath, [program.path, peers.plugin], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, PEER_SLOW: `Create=${slow}`, PEER_LOG: log },
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const directory = (await lines.next()).value as string;
    const line = await callOf("Create", log);
    await rm(log, { force: true });
    return { child, directory, lines, pluginPid: Number(line.split(" ")[1]) };
  };

  it("may be stopped for longer than a plugin bears silence, and the machine is made all the same", async () => {
    const mk = await creating("13s");
    mk.child.kill("SIGSTOP");
    // Written by the plugin at the end of its Create: it lived through more than its 10 s.
    await until(
      "the plugin finished",
      () =>
        access(join(mk.directory, "libmachine/machines/m1/peer.json")).then(
          () => true,
          () => false,
        ),
      AbortSignal.timeout(40_000),
    );
    mk.child.kill("SIGCONT");
    const last: string[] = [];
    for (let next = await mk.lines.next(); next.done !== true; next = await mk.lines.next()) last.push(next.value);
    expect(last.at(-1)).toBe('created {"state":"running"}');
  });

  it("takes the plugin along when it is killed", async () => {
    const mk = await creating("1h");
    expect(await isAlive(mk.pluginPid)).toBe(true);
    mk.child.kill("SIGKILL");
    await until("the plugin is gone", async () => !(await isAlive(mk.pluginPid)), AbortSignal.timeout(8000));
    await rm(mk.directory, { recursive: true, force: true });
  });

  it("takes a plugin along that is stopped", async () => {
    const mk = await creating("1h");
    process.kill(mk.pluginPid, "SIGSTOP");
    mk.child.kill("SIGKILL");
    await until("the plugin is gone", async () => !(await isAlive(mk.pluginPid)), AbortSignal.timeout(8000));
    await rm(mk.directory, { recursive: true, force: true });
  });
});
