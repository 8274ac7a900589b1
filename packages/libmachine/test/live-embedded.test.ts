import { createMk, type Mk, MkError } from "@mk/core";
import { live } from "@mk/testing";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { loadExternalDriver } from "../src/index.js";
import { buildGoPeers, type GoPeers } from "./support/go-peers.js";
import { machineContext, type TemporaryContext } from "./support/machine-context.js";

const suite = await live({ needs: ["go", "linux"] });

suite("a docker-machine driver in the whole of mk", () => {
  const CANARY = "canary-5b1c9e";
  let peers: GoPeers;
  const opened: { readonly mk: Mk; readonly context: TemporaryContext }[] = [];

  beforeAll(async () => {
    peers = await buildGoPeers();
  });
  afterAll(async () => {
    await peers[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const { mk, context } of opened.splice(0)) {
      await mk[Symbol.asyncDispose]();
      await context[Symbol.asyncDispose]();
    }
  });

  /** An mk with the Go peer for a driver; everything that it tells is in `told`. */
  const open = async (env: Readonly<Record<string, string>> = {}) => {
    const context = await machineContext("home", { PEER_NAME: "ci-test", ...env });
    const told: string[] = [];
    const driver = await loadExternalDriver(
      { name: "ci-test", path: peers.ciTest },
      AbortSignal.timeout(20_000),
      context.host,
    );
    const mk = createMk({
      home: context.directory,
      host: context.host,
      drivers: [driver],
      onEvent: (event) => told.push(JSON.stringify(event)),
    });
    opened.push({ mk, context });
    return { mk, told };
  };
  const request = { name: "m1", driver: "ci-test", options: { peerToken: CANARY, peerTag: ["x"] } };

  it("lives a full life", async () => {
    const { mk } = await open();
    await using machine = await mk.start(request);
    expect(await machine.status()).toEqual({ state: "running" });
    expect(await machine.docker()).toEqual({ host: "tcp://127.0.0.1:2376" });
    await machine.stop();
    expect((await mk.list()).map(({ name, status }) => [name, status.state])).toEqual([["m1", "stopped"]]);
    await machine.start();
    await machine.restart();
    expect(await machine.address()).toBe("127.0.0.1");
    await expect(machine.exec(["true"])).rejects.toSatisfy((error) => MkError.is(error, "NOT_SUPPORTED"));
    await machine.delete();
    expect(await mk.list()).toEqual([]);
  });

  it("leaves no machine when Create fails, nor one when the plugin dies in it", async () => {
    for (const env of [{ PEER_ERROR_ON: "Create=no capacity left" }, { PEER_DIE_ON: "Create" }]) {
      const { mk } = await open(env);
      await expect(mk.start(request)).rejects.toSatisfy((error) => MkError.is(error));
      expect(await mk.list()).toEqual([]);
    }
  });

  it.each([
    ["a life without failures", {}],
    ["an error with the secret in its text", { PEER_ERROR_ON: `Create=wrong token ${CANARY}` }],
    ["a death after the secret was printed", { PEER_DIE_ON: "Create" }],
  ])("shows no secret in events or errors: %s", async (_what, env) => {
    const { mk, told } = await open(env);
    const outcome: unknown = await mk.start(request).catch((error: unknown) => error);
    const error = MkError.is(outcome) ? [JSON.stringify(outcome), outcome.stack, String(outcome.cause)] : [];
    const info = JSON.stringify(await mk.list());
    // The peer prints its options on stderr, whose end is in the error of a death: there was something to hide.
    if ("PEER_DIE_ON" in env) expect(error.join("\n")).toContain("flag peer-token");
    expect([...told, ...error, info].join("\n")).not.toContain(CANARY);
  });

  it("tells a machine whose plugin hangs as unknown, and goes on with the others", async () => {
    const { mk } = await open();
    await using machine = await mk.start(request);
    await machine.stop();
    const [entry] = opened;
    const hanging = await machineContext("other", { PEER_NAME: "ci-test", PEER_HANG_ON: "GetState" });
    const driver = await mk.driver("ci-test");
    await using other = createMk({ home: entry!.context.directory, host: hanging.host, drivers: [driver] });
    expect((await other.list())[0]?.status).toMatchObject({ state: "unknown" });
    expect((await mk.list())[0]?.status).toEqual({ state: "stopped" });
    await hanging[Symbol.asyncDispose]();
  });
});
