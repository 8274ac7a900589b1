import { readFile, rm } from "node:fs/promises";
import { type Driver, type Machine, MkError } from "@mk/core";
import { temporaryDirectory, until } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadExternalDriver } from "../src/index.js";
import { buildGoPeers, type GoPeers } from "./support/go-peers.js";
import { machineContext, type TemporaryContext } from "./support/machine-context.js";
import { operation } from "./support/operation.js";

let peers: GoPeers;

beforeAll(async () => {
  peers = await buildGoPeers();
});

afterAll(async () => {
  await peers[Symbol.asyncDispose]();
});

const signal = () => AbortSignal.timeout(60_000);

async function load(): Promise<Driver> {
  return await loadExternalDriver({ name: "peer", path: peers.plugin }, signal());
}

interface TestMachine extends AsyncDisposable {
  readonly machine: Machine;
  readonly context: TemporaryContext;
}

/** A machine of the peer; `env` makes the plugin misbehave. */
async function peerMachine(
  env: Readonly<Record<string, string>> = {},
  options: Readonly<Record<string, unknown>> = { token: "t", private: true, tag: ["x", "y"] },
): Promise<TestMachine> {
  const driver = await load();
  const context = await machineContext("m1", env);
  const config = driver.parseConfig(JSON.parse(JSON.stringify(driver.createConfig(context.spec, options))));
  const machine = await driver.createDriver(config, context);
  return {
    machine,
    context,
    async [Symbol.asyncDispose]() {
      await machine.close?.();
      await context[Symbol.asyncDispose]();
    },
  };
}

describe("a docker-machine driver under mk", () => {
  it("offers its create flags as options, with help, environment variables, defaults and secrets", async () => {
    const driver = await load();
    expect(driver).toMatchObject({ name: "peer", builtin: false, autoSelect: false });
    expect(driver.options).toEqual({
      token: { type: "string", describe: "API token", env: "PEER_TOKEN", default: "none", secret: true },
      cpus: { type: "integer", describe: "number of CPUs", env: "PEER_CPUS" },
      private: { type: "boolean", describe: "private address only", env: "PEER_PRIVATE", default: false },
      tag: { type: "list", describe: "tags", env: "PEER_TAGS", default: ["a", "b"] },
    });
  });

  it("lives a full life", async () => {
    await using test = await peerMachine();
    const { machine, context } = test;
    expect(await machine.inspect(operation())).toEqual({ state: "absent" });
    await machine.create(operation());
    expect(await machine.inspect(operation())).toEqual({ state: "running" });
    expect(JSON.parse(((await context.record.read()) as { config: string }).config)).toMatchObject({
      MachineName: "m1",
      IPAddress: "127.0.0.1",
      Token: "t",
      CPUs: 3,
      Private: true,
      Tags: ["x", "y"],
    });
    expect(await machine.endpoint(2376, operation())).toEqual({ host: "127.0.0.1", port: 2376 });
    expect(await machine.address?.(operation())).toBe("127.0.0.1");
    expect(await machine.access(operation())).toEqual({
      via: "ssh",
      host: "127.0.0.1",
      port: 22,
      user: "root",
      identityFile: `${context.directory}/libmachine/machines/m1/id_rsa`,
      hostKey: "first-use",
    });
    await machine.stop(operation());
    expect(await machine.inspect(operation())).toEqual({ state: "stopped" });
    await machine.close?.();
    expect(await machine.inspect(operation())).toEqual({ state: "stopped" });
    await machine.start(operation());
    await machine.kill(operation());
    expect(await machine.inspect(operation())).toEqual({ state: "stopped" });
    await machine.remove(operation());
    expect(await machine.inspect(operation())).toEqual({ state: "absent" });
    await machine.remove(operation());
  });

  it("fails with the driver's own text", async () => {
    await using test = await peerMachine({ PEER_ERROR_ON: "Create=no capacity left" });
    await expect(test.machine.create(operation())).rejects.toSatisfy(
      (error) => MkError.is(error, "DRIVER_FAILED") && error.message.includes("no capacity left"),
    );
  });

  it("starts one plugin for calls that come at once", async () => {
    await using directory = await temporaryDirectory("mk-peer-log-");
    const log = directory.join("calls");
    await using test = await peerMachine({ PEER_LOG: log });
    await test.machine.create(operation());
    await test.machine.close?.();
    await rm(log);
    await Promise.all([
      test.machine.inspect(operation()),
      test.machine.endpoint(2376, operation()),
      test.machine.access(operation()),
    ]);
    const calls = (await readFile(log, "utf8")).trim().split("\n");
    expect(new Set(calls.map((call) => call.split(" ")[1])).size).toBe(1);
  });

  it("asks nothing of a plugin that did not take its configuration", async () => {
    await using test = await peerMachine({ PEER_ERROR_ON: "SetConfigRaw=not this one" });
    await test.context.record.write({ config: "{}" });
    for (const attempt of ["first", "second"]) {
      const error = await test.machine.inspect(operation()).catch((reason: unknown) => reason);
      expect(MkError.is(error, "DRIVER_FAILED") && error.message, attempt).toContain("not this one");
    }
  });

  it("keeps what the driver made when its create is given up, and has it removed by that", async () => {
    await using directory = await temporaryDirectory("mk-peer-log-");
    const log = directory.join("calls");
    await using test = await peerMachine({ PEER_HANG_ON: "Create", PEER_LOG: log });
    const controller = new AbortController();
    const create = operation(controller.signal);
    const creating = test.machine.create(create).catch((error: unknown) => error);
    await until("Create is called", async () => (await readFile(log, "utf8").catch(() => "")).includes(" Create"));
    const reason = new Error("the user left");
    controller.abort(reason);
    expect(await creating).toBe(reason);
    const stored = (await test.context.record.read()) as { readonly config: string };
    expect(JSON.parse(stored.config)).toMatchObject({ MachineName: "m1", Instance: "i-1" });
    await create.rollBack();
    expect(await test.machine.inspect(operation())).toEqual({ state: "absent" });
  });
});
