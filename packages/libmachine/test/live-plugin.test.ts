import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, bundle } from "./support/bundle.js";
import { buildGoPeers, type GoPeers } from "./support/go-peers.js";

let peers: GoPeers;
let plugin: Bundle;
let store: string;

beforeAll(async () => {
  [peers, plugin] = await Promise.all([buildGoPeers(), bundle("programs/pretend-plugin.ts", "pretend-plugin")]);
});

afterAll(async () => {
  await Promise.all([peers[Symbol.asyncDispose](), plugin[Symbol.asyncDispose]()]);
});

interface Answer {
  readonly call: string;
  readonly result?: unknown;
  readonly error?: string;
}

/** Runs the Go host: its calls in order, one answer a line. */
async function goHost(words: readonly string[], args: readonly string[] = []): Promise<readonly Answer[]> {
  const { stdout } = await promisify(execFile)(
    peers.host,
    [...args, "-plugin", plugin.path, "-name", "mkpretend", ...words],
    { env: { ...process.env, HOME: store } },
  );
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}

const setUp = (name: string) => [
  "GetVersion",
  `SetConfigRaw=${JSON.stringify({ MachineName: name, StorePath: store, SSHPort: 0 })}`,
];

describe("an mk driver under a Go host", () => {
  beforeAll(async () => {
    store = await mkdtemp(join(tmpdir(), "mk-store-"));
  });
  afterAll(async () => {
    await rm(store, { recursive: true, force: true });
  });

  it("lives a full life", async () => {
    const answers = await goHost([
      ...setUp("m1"),
      'SetConfigFromFlags={"mkpretend-color":"green","mkpretend-cpus":4,"mkpretend-no-shiny":true,"mkpretend-tags":["a","b"],"swarm-master":false}',
      "PreCreateCheck",
      "GetState",
      "Create",
      "GetConfigRaw",
      "GetIP",
      "GetURL",
      "Stop",
      "Start",
      "Restart",
      "Kill",
      "Remove",
      "Close",
    ]);
    expect(answers.filter((answer) => answer.error !== undefined)).toEqual([]);
    expect(answers).toEqual([]);
  });
});
