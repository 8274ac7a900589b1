import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { live } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toWireOptions } from "../src/protocol/flags.js";
import { METHODS } from "../src/protocol/methods.js";
import { openGoRpc } from "../src/rpc/handshake.js";
import { RpcClient, type RpcMethod } from "../src/rpc/rpc-client.js";
import { type Bundle, bundle } from "./support/bundle.js";
import { buildGoPeers, type GoPeers } from "./support/go-peers.js";

let peers: GoPeers;
let plugin: Bundle;
let store: string;

beforeAll(async () => {
  [peers, plugin] = await Promise.all([buildGoPeers(), bundle("programs/pretend-plugin.ts", "pretend-plugin")]);
  store = await mkdtemp(join(tmpdir(), "mk-store-"));
});

afterAll(async () => {
  await Promise.all([peers[Symbol.asyncDispose](), plugin[Symbol.asyncDispose]()]);
  await rm(store, { recursive: true, force: true });
});

interface Answer {
  readonly call: string;
  readonly result?: unknown;
  readonly error?: string;
}

interface GoHostRun {
  /** Without what the plugin printed. */
  readonly answers: readonly Answer[];
  /** What it printed on stdout. */
  readonly lines: readonly unknown[];
  errorOf(call: string): string | undefined;
  resultOf(call: string): unknown;
}

/** Runs the Go host: its calls in order, one answer a line. */
async function goHost(words: readonly string[], args: readonly string[] = []): Promise<GoHostRun> {
  const { stdout } = await promisify(execFile)(
    peers.host,
    [...args, "-plugin", plugin.path, "-name", "mkpretend", ...words],
    { env: { ...process.env, HOME: store } },
  );
  const all = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
  const answers = all.filter(({ call }) => call !== "stdout" && call !== "stderr");
  return {
    answers,
    lines: all.filter(({ call }) => call === "stdout").map(({ result }) => result),
    errorOf: (call) => answers.find((answer) => answer.call === call)?.error,
    resultOf: (call) => answers.find((answer) => answer.call === call)?.result,
  };
}

const setUp = (name: string, flags: Readonly<Record<string, unknown>> = {}) => [
  "GetVersion",
  `SetConfigRaw=${JSON.stringify({ MachineName: name, StorePath: store, SSHPort: 0 })}`,
  `SetConfigFromFlags=${JSON.stringify(flags)}`,
];

describe("an mk driver under a Go host", () => {
  it("lives a full life", async () => {
    const run = await goHost([
      ...setUp("m1", {
        "mkpretend-color": "green",
        "mkpretend-cpus": 4,
        "mkpretend-no-shiny": true,
        "mkpretend-tags": ["a", "b"],
        "mkpretend-size": "7",
        "swarm-master": false,
        "engine-label": null,
      }),
      "PreCreateCheck",
      "GetState",
      "Create",
      "GetConfigRaw",
      "GetIP",
      "GetURL",
      "Close",
    ]);
    expect(run.answers.filter((answer) => answer.error !== undefined)).toEqual([]);
    expect(run.resultOf("GetVersion")).toBe(1);
    expect(run.resultOf("GetState")).toBe(0);
    expect(run.resultOf("GetIP")).toBe("192.0.2.7");
    expect(run.resultOf("GetURL")).toBe("tcp://127.0.0.1:2376");
    expect(run.lines).toContain("making the machine with pretend");
    const config = run.resultOf("GetConfigRaw") as string;
    expect(JSON.parse(config)).toMatchObject({
      IPAddress: "192.0.2.7",
      MachineName: "m1",
      StorePath: store,
      SwarmMaster: false,
      CPU: 4,
      Memory: 2048,
      Options: { color: "green", shiny: false, tags: ["a", "b"], size: 7 },
    });
    const states = await goHost([
      "GetVersion",
      `SetConfigRaw=${config}`,
      ...[
        "DriverName",
        "GetMachineName",
        "GetIPv6",
        "GetState",
        "Stop",
        "GetURL",
        "Start",
        "Restart",
        "Kill",
        "Remove",
        "Close",
      ],
    ]);
    expect(states.answers.filter((answer) => answer.error !== undefined).map((answer) => answer.call)).toEqual([
      "GetURL",
    ]);
    expect(states.resultOf("DriverName")).toBe("mkpretend");
    expect(states.resultOf("GetMachineName")).toBe("m1");
    expect(states.resultOf("GetState")).toBe(1);
    expect(states.errorOf("GetURL")).toBe("Host is not running");
    expect(states.resultOf("exit")).toBe("<nil>");
    await expect(access(join(store, "machines", "m1", "mk", "machines", "m1"))).rejects.toThrow("ENOENT");
  });

  it("offers its options as create flags of the four kinds", async () => {
    const run = await goHost(["GetVersion", "GetCreateFlags", "Close"]);
    const flags = run.resultOf("GetCreateFlags") as readonly { type: string; flag: Record<string, unknown> }[];
    const flag = (name: string) => flags.find((candidate) => candidate.flag.Name === name);
    expect(flag("mkpretend-cpus")).toEqual({
      type: "IntFlag",
      flag: { Name: "mkpretend-cpus", Usage: "number of CPUs", EnvVar: "MKPRETEND_CPUS", Value: 2 },
    });
    expect(flag("mkpretend-memory")?.flag.Value).toBe(2048);
    expect(flag("mkpretend-disk-size")?.flag.Value).toBe(20_480);
    expect(flag("mkpretend-color")).toMatchObject({
      type: "StringFlag",
      flag: { EnvVar: "MK_PRETEND_COLOR", Value: "red" },
    });
    expect(flag("mkpretend-size")).toMatchObject({ type: "StringFlag", flag: { Value: "" } });
    expect(flag("mkpretend-no-shiny")).toMatchObject({ type: "BoolFlag" });
    expect(flag("mkpretend-tags")).toMatchObject({ type: "StringSliceFlag" });
    expect(flag("mkpretend-token")?.flag.Usage).toEqual(expect.stringContaining("what nobody may know"));
  });

  it("serves the old service name too", async () => {
    const run = await goHost(["GetVersion", "DriverName", "Close"], ["-service", "RpcServerDriver"]);
    expect(run.resultOf("DriverName")).toBe("mkpretend");
  });

  it("takes options under the type names of other builds", async () => {
    const run = await goHost(
      [...setUp("m2", { "mkpretend-cpus": 6 }), "GetConfigRaw", "Close"],
      ["-flags-name", "*rpc.RPCFlags"],
    );
    expect(JSON.parse(run.resultOf("GetConfigRaw") as string)).toMatchObject({ CPU: 6 });
  });

  it("refuses options and configurations that are wrong, and goes on", async () => {
    const run = await goHost([
      "GetVersion",
      "SetConfigRaw=",
      'SetConfigRaw={"MachineName":3}',
      "GetConfigRaw",
      ...setUp("m3", { "mkpretend-color": "blue" }).slice(1),
      "Upgrade",
      "GetSSHPort",
      "Close",
    ]);
    const errors = run.answers.filter((answer) => answer.error !== undefined).map((answer) => answer.error);
    expect(errors).toEqual([
      "the driver's configuration is no JSON",
      "field MachineName of the driver's configuration is a number",
      "SetConfigRaw must be called first",
      expect.stringContaining('does not take "blue"'),
      "rpc: can't find method RPCServerDriver.Upgrade",
      "Host is not running",
    ]);
    expect(run.resultOf("exit")).toBe("<nil>");
  });

  it("answers with the driver's error and what to do, without secrets, and is then absent again", async () => {
    const run = await goHost([
      ...setUp("m4", { "mkpretend-fail-on": "create", "mkpretend-token": "hunter22" }),
      "Create",
      "GetState",
      "Remove",
      "Close",
    ]);
    expect(run.errorOf("Create")).toContain("no space for create");
    expect(run.errorOf("Create")).toContain("(Buy a bigger disk.)");
    expect(JSON.stringify([run.errorOf("Create"), run.lines])).not.toContain("hunter22");
    expect(run.resultOf("GetState")).toBe(0);
    expect(run.errorOf("Remove")).toBeUndefined();
  });

  it("answers heartbeats and other calls while Create runs", async () => {
    const run = await goHost(
      [...setUp("m5", { "mkpretend-create-ms": 1500 }), "parallel=1:Create", "Remove", "Close"],
      ["-heartbeat", "50ms"],
    );
    expect(run.errorOf("Create#0")).toBeUndefined();
    // A beat after Close meets the end of the connection.
    const beforeClose = run.answers.slice(
      0,
      run.answers.findIndex(({ call }) => call === "Close"),
    );
    expect(beforeClose.filter(({ call }) => call === "heartbeat")).toEqual([]);
    expect(beforeClose.map(({ call }) => call)).toContain("Create#0");
  });

  it("answers many calls at once", async () => {
    const run = await goHost(["GetVersion", "parallel=200:DriverName", "Close"]);
    expect(run.answers.filter((answer) => answer.result === "mkpretend")).toHaveLength(200);
  });

  it("keeps its state over a second connection", async () => {
    const run = await goHost([...setUp("m6"), "second", "GetMachineName", "Close"]);
    expect(run.resultOf("GetMachineName")).toBe("m6");
  });

  it("closes the connection that sends garbage, and serves the next", async () => {
    const run = await goHost([...setUp("m7"), "raw=00", "second", "GetMachineName", "Close"]);
    expect(run.resultOf("GetMachineName")).toBe("m7");
    expect(run.resultOf("exit")).toBe("<nil>");
  });

  it("still answers a client that closed its half", async () => {
    const run = await goHost(["GetVersion", "eof", "second", "DriverName", "Close"]);
    expect(run.resultOf("DriverName")).toBe("mkpretend");
  });

  it("exits with 1 after 10 s without a heartbeat, whatever else is called; a stop with its host is no silence", async () => {
    await using stopped = await startPlugin();
    const call = await callsTo(stopped.port);
    expect(await call(METHODS.DriverName, {})).toBe("mkpretend");
    stopped.signal("SIGSTOP");
    const run = await goHost(["GetVersion", "sleep=6s", "DriverName", "sleep=6s"], ["-heartbeat", "0"]);
    expect(run.resultOf("exit")).toBe("exit status 1");
    stopped.signal("SIGCONT");
    // The first might be answered on the way out.
    expect(await call(METHODS.DriverName, {})).toBe("mkpretend");
    expect(await call(METHODS.DriverName, {})).toBe("mkpretend");
  });
});

interface RunningPlugin extends AsyncDisposable {
  readonly port: number;
  readonly exited: Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it printed this line on stderr. */
  printed(line: string): Promise<void>;
}

async function startPlugin(): Promise<RunningPlugin> {
  const child = spawn(plugin.path, [], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MACHINE_PLUGIN_TOKEN: "42", MACHINE_PLUGIN_DRIVER_NAME: "mkpretend" },
  });
  const exited = once(child, "exit");
  const errors = createInterface(child.stderr);
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return {
    port: Number(line.slice("127.0.0.1:".length)),
    exited,
    signal: (signal) => void child.kill(signal),
    async printed(expected) {
      for await (const printed of errors) if (printed === expected) return;
      throw new Error(`the plugin ended without printing ${expected}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Calls a plugin over a connection that is open until the plugin ends. */
async function callsTo(port: number): Promise<<A, R>(method: RpcMethod<A, R>, argument: A) => Promise<R>> {
  const socket = connect({ host: "127.0.0.1", port });
  await openGoRpc(socket, AbortSignal.timeout(10_000));
  const client = new RpcClient(socket);
  return (method, argument) => client.call("RPCServerDriver", method, argument);
}

/** Sends a text to the plugin and reads until the connection ends. */
async function say(port: number, text: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe("a plugin's process", () => {
  it("rolls back what runs when it is closed, and then ends", async () => {
    await using running = await startPlugin();
    const call = await callsTo(running.port);
    await call(METHODS.SetConfigRaw, Buffer.from(JSON.stringify({ MachineName: "m8", StorePath: store })));
    const flags = { "mkpretend-hang-on": "create" };
    await call(METHODS.SetConfigFromFlags, toWireOptions(flags, "*rpcdriver.RPCFlags"));
    const creating = call(METHODS.Create, {}).catch((error: unknown) => error);
    await running.printed("pretend create");
    await call(METHODS.Close, {}).catch(() => undefined);
    expect(await creating).toBeInstanceOf(Error);
    await running.exited;
    await expect(access(join(store, "machines", "m8", "mk", "machines", "m8"))).rejects.toThrow("ENOENT");
  });

  it("explains itself when it is started by hand", async () => {
    const { MACHINE_PLUGIN_TOKEN: _none, ...env } = process.env;
    const error = await promisify(execFile)(plugin.path, [], { env }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("plugin of docker-machine") });
  });

  it("refuses what is no Go RPC as Go does", async () => {
    await using running = await startPlugin();
    expect(await say(running.port, "GET /_goRPC_ HTTP/1.1\r\nHost: x\r\n\r\n")).toMatch(
      /^HTTP\/1.0 405 .*405 must CONNECT\n$/s,
    );
    expect(await say(running.port, "CONNECT /other HTTP/1.0\n\n")).toMatch(/^HTTP\/1.0 404/);
    expect(await say(running.port, "hello\n\n")).toMatch(/^HTTP\/1.0 400/);
    expect(await say(running.port, `CONNECT /_goRPC_ HTTP/1.0\n${"x".repeat(9000)}`)).toBe("");
  });

  it("ends when its parent is gone", async () => {
    const host = spawn(
      process.execPath,
      [
        "-e",
        'require("child_process").spawn(process.argv[1], [], { stdio: ["ignore", "inherit", "inherit"] }); setInterval(() => {}, 1000)',
        plugin.path,
      ],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, MACHINE_PLUGIN_TOKEN: "42", MACHINE_PLUGIN_DRIVER_NAME: "mkpretend" },
      },
    );
    const lines = createInterface(host.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toMatch(/^127\.0\.0\.1:\d+$/);
    // Both hold the pipe: its end means that the plugin is gone too.
    host.kill("SIGKILL");
    expect((await lines.next()).done).toBe(true);
  });
});

const asRoot = await live({ needs: ["root", "linux"] });

asRoot("a plugin's port", () => {
  /** Connects as a user and asks for Go RPC: what it hears. */
  const hearAs = async (uid: number, port: number): Promise<string> => {
    const program = `
      const socket = require("net").connect(${port}, "127.0.0.1", () => socket.write("CONNECT /_goRPC_ HTTP/1.0\\n\\n"));
      socket.on("data", (chunk) => { process.stdout.write(chunk); socket.destroy(); });
      socket.on("error", () => socket.destroy());
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { uid, gid: uid, cwd: "/" });
    return stdout;
  };

  it("answers this user, and nobody else on the computer", async () => {
    await using running = await startPlugin();
    expect(await hearAs(65_534, running.port)).toBe("");
    expect(await hearAs(0, running.port)).toBe("HTTP/1.0 200 Connected to Go RPC\n\n");
  });
});
