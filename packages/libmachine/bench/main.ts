// Calls per second and codec throughput beside Go's own, in one run: `pnpm --filter @mk/libmachine bench`. Builds the Go peers.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { reportRatio } from "../../../bench/ratio.mjs";
import { GobDecoder, GobEncoder, type GobSchema, gob } from "../src/index.js";
import { optionsSchema, toWireOptions } from "../src/protocol/flags.js";
import { METHODS } from "../src/protocol/methods.js";
import { openGoRpc } from "../src/rpc/handshake.js";
import { RpcClient } from "../src/rpc/rpc-client.js";

const CALLS = 10_000;
const BYTES = 50_000_000;
// pnpm runs scripts in the package's folder.
const GO_SOURCES = join(process.cwd(), "test", "go-peer");

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "calls/s" | "MB/s";
}

const run = promisify(execFile);

async function buildGo(directory: string, name: string): Promise<string> {
  const output = join(directory, name);
  await run("go", ["build", "-o", output, `./${name}`], { cwd: GO_SOURCES });
  return output;
}

async function figuresOf(program: string, args: readonly string[]): Promise<readonly Figure[]> {
  const { stdout } = await run(program, args);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Figure);
}

interface Plugin extends AsyncDisposable {
  readonly port: number;
}

async function startPlugin(file: string, args: readonly string[]): Promise<Plugin> {
  const child: ChildProcess = spawn(file, args, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, MACHINE_PLUGIN_TOKEN: "42", PEER_TIMEOUT: "0" },
  });
  const [line] = (await once(createInterface(child.stdout!), "line")) as [string];
  return {
    port: Number(line.split(":")[1]),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function callRates(port: number): Promise<readonly Figure[]> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await openGoRpc(socket, AbortSignal.timeout(10_000));
  const client = new RpcClient(socket);
  const each = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await client.call("RPCServerDriver", METHODS.DriverName, {});
  };
  const measure = async (name: string, workers: number): Promise<Figure> => {
    await each(2000);
    const start = performance.now();
    await Promise.all(Array.from({ length: workers }, () => each(CALLS / workers)));
    return { name, value: CALLS / ((performance.now() - start) / 1000), unit: "calls/s" };
  };
  const figures = [await measure("sequential", 1), await measure("concurrent", 64)];
  client.close();
  return figures;
}

function codecRates<T>(name: string, schema: GobSchema<T>, value: T, total: number): readonly Figure[] {
  const encoder = new GobEncoder();
  const parts: Uint8Array[] = [];
  let size = 0;
  let start = performance.now();
  while (size < total) {
    const bytes = encoder.encode(schema, value);
    parts.push(bytes);
    size += bytes.length;
  }
  const encodeMs = performance.now() - start;
  const decoder = new GobDecoder();
  start = performance.now();
  for (const part of parts) {
    decoder.push(part);
    decoder.decode(schema);
  }
  const rate = (ms: number): number => size / 1e6 / (ms / 1000);
  return [
    { name: `${name} encode`, value: rate(encodeMs), unit: "MB/s" },
    { name: `${name} decode`, value: rate(performance.now() - start), unit: "MB/s" },
  ];
}

function ownCodec(): readonly Figure[] {
  const options = toWireOptions(
    {
      "peer-token": "t0ken",
      "peer-cpus": 4,
      "peer-private": true,
      "peer-tag": ["one", "two", "three"],
      driver: "peer",
      "engine-install-url": "https://get.docker.com",
      "engine-storage-driver": "",
      swarm: false,
      "swarm-host": "tcp://0.0.0.0:3376",
      "swarm-image": "swarm:latest",
      "swarm-strategy": "spread",
      "tls-san": [],
    },
    "*rpcdriver.RPCFlags",
  );
  const configuration = Buffer.from('{"key": "value"}\n'.repeat(62_500));
  // Once to let the compiler see it.
  codecRates("options", optionsSchema, options, BYTES / 20);
  return [
    ...codecRates("options", optionsSchema, options, BYTES / 5),
    ...codecRates("configuration", gob.bytes, configuration as Uint8Array, BYTES * 4),
  ];
}

function table(title: string, own: readonly Figure[], go: readonly Figure[]): void {
  console.log(`\n${title}`);
  for (const { name, value, unit } of own) {
    const reference = go.find((figure) => figure.name === name)!.value;
    // Go's rate over ours is our time over Go's.
    reportRatio(`libmachine: ${title}, ${name}, Go's rate beside ours`, reference, value, { unit, aim: 3 });
  }
}

const directory = await mkdtemp(join(tmpdir(), "mk-bench-"));
try {
  const peer = await buildGo(directory, "plugin");
  const bench = await buildGo(directory, "bench");
  const goCalls = (port: number) => figuresOf(bench, ["-addr", `127.0.0.1:${port}`, "-calls", String(CALLS)]);
  // A plugin of ours ends after 10 s without a heartbeat: each table gets its own.
  const ours = () => startPlugin(process.execPath, [join(import.meta.dirname, "bench-plugin.js")]);
  await using plugin = await startPlugin(peer, []);
  const reference = await goCalls(plugin.port);
  table("host: calls to the Go plugin", await callRates(plugin.port), reference);
  {
    await using called = await ours();
    table("plugin: calls by the Go host", await goCalls(called.port), reference);
  }
  {
    await using called = await ours();
    table("both: our host and our plugin", await callRates(called.port), reference);
  }
  table("codec", ownCodec(), await figuresOf(bench, ["-codec", "-bytes", String(BYTES)]));
} finally {
  await rm(directory, { recursive: true, force: true });
}
