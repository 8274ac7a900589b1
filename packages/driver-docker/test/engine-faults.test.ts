import { mkdir, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createNodeHost, type Machine, MkError, type Operation } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import dockerDriver from "../src/index.js";
import { FakeEngine, type Fault } from "./fake-engine/fake-engine.js";
import { DIGEST } from "./scripted-machine.js";

// A fake engine behind a real unix socket, and core's real host: what an engine that hangs, breaks off or lies leads to.
let directory: TemporaryDirectory;
let engine: FakeEngine;
let socket: string;
let undos: ((op: Operation) => Promise<void>)[];

beforeEach(async () => {
  directory = await temporaryDirectory("mk-docker-");
  socket = directory.join("docker.sock");
  engine = new FakeEngine();
  undos = [];
  await new Promise<void>((resolve) => engine.server.listen(socket, resolve));
});
afterEach(async () => {
  engine.server.closeAllConnections();
  await new Promise((resolve) => engine.server.close(resolve));
  await directory[Symbol.asyncDispose]();
});

const host = () =>
  createNodeHost({ home: directory.join("home"), env: { DOCKER_HOST: `unix://${socket}`, HOME: directory.path } });

const operation = (signal: AbortSignal = new AbortController().signal): Operation => ({
  signal,
  step: async (_id, _title, work) => work(() => undefined),
  undo: (cleanup) => void undos.push(cleanup),
  log: () => undefined,
});

async function machineOf(): Promise<Machine> {
  const lent = host();
  await lent.files.write(directory.join("root.oci.tar"), "a tar");
  const spec = {
    name: "m",
    id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
    cpus: 1,
    memoryMiB: 512,
    diskMiB: 1024,
    arch: "amd64",
    imageDigest: DIGEST,
    mounts: [],
    ports: [],
  } as const;
  const oci = directory.join("root.oci.tar");
  const image = {
    digest: DIGEST,
    arch: "amd64",
    debianVersion: "13",
    kernel: "",
    initramfs: "",
    root: "",
    oci,
    cmdline: "",
  } as const;
  let record: unknown;
  return dockerDriver.createDriver(dockerDriver.createConfig(spec, { privileges: "auto" }), {
    name: spec.name,
    id: spec.id,
    directory: directory.path,
    host: lent,
    spec,
    image: async () => image,
    seed: async () => [],
    record: {
      read: async () => record,
      write: async (value) => {
        record = value;
      },
    },
  });
}

/** What core does with a failed operation. */
async function rollBack(): Promise<void> {
  for (const undo of undos.splice(0).reverse()) await undo(operation());
}

const CODES: Readonly<Record<Exclude<Fault, "hang" | "late">, string>> = {
  reset: "NETWORK_FAILED",
  torn: "NETWORK_FAILED",
  error: "DRIVER_FAILED",
  page: "PROTOCOL_ERROR",
  lie: "PROTOCOL_ERROR",
};
const FAULTS = Object.keys(CODES) as Exclude<Fault, "hang" | "late">[];

describe("an engine that", () => {
  test.each(FAULTS)("answers with a %s makes the machine's state unknown, not absent", async (fault) => {
    const machine = await machineOf();
    await machine.create(operation());
    engine.misbehave = () => fault;
    expect(await machine.inspect(operation())).toEqual({ state: "unknown", reason: expect.stringMatching(/\w/) });
    engine.misbehave = () => undefined;
    expect(await machine.inspect(operation())).toEqual({ state: "stopped" });
  });

  test.each(FAULTS)("answers the probe with a %s is not ready, with a fix", async (fault) => {
    engine.misbehave = () => fault;
    expect(await dockerDriver.status(host(), AbortSignal.timeout(10_000))).toMatchObject({
      status: "unhealthy",
      code: expect.stringMatching(/^docker-/),
      fix: expect.stringMatching(/^[A-Z]/),
    });
  });

  test.each(FAULTS)("answers any one request of a create with a %s leaves the machine absent", async (fault) => {
    for (let nth = 0; ; nth++) {
      let seen = 0;
      let met: string | undefined;
      engine.misbehave = (method, path) => {
        if (seen++ !== nth) return undefined;
        met = `${method} ${path}`;
        return fault;
      };
      const machine = await machineOf();
      const error = await machine.create(operation()).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      engine.misbehave = () => undefined;
      if (met === undefined) {
        expect(error).toBeUndefined();
        break;
      }
      // An answer that is not looked into cannot lie.
      if (error !== undefined)
        expect(MkError.is(error) && [error.code, error.hint], met).toEqual([CODES[fault], expect.any(String)]);
      await rollBack();
      await machine.remove(operation());
      expect(engine.inventory(), met).toEqual(["network bridge"]);
      engine.images.clear();
    }
  });

  test("hangs is left when the signal aborts, with the signal's reason, wherever it hangs", async () => {
    for (const act of ["create", "start", "stop", "inspect"] as const) {
      for (let nth = 0; ; nth++) {
        const machine = await machineOf();
        if (act !== "create") await machine.create(operation());
        if (act === "stop") await machine.start(operation());
        undos.length = 0;
        const reason = new Error("the deadline");
        const controller = new AbortController();
        let seen = 0;
        engine.misbehave = () => {
          if (seen++ !== nth) return undefined;
          controller.abort(reason);
          return "hang";
        };
        const failure = await machine[act](operation(controller.signal)).then(
          () => undefined,
          (error: unknown) => error,
        );
        engine.misbehave = () => undefined;
        if (controller.signal.aborted) expect(failure, `${act}, request ${nth + 1}`).toBe(reason);
        // The daemon was restarted: what it was asked for and had not done is not done.
        engine.server.closeAllConnections();
        await rollBack();
        await machine.remove(operation());
        await machine.close?.();
        expect(engine.inventory(), `${act}, request ${nth + 1}`).toEqual(["network bridge"]);
        if (!controller.signal.aborted) break;
      }
    }
  });

  test("makes the container only after the create was aborted leaves none all the same", async () => {
    const machine = await machineOf();
    const controller = new AbortController();
    let goOn = (): void => undefined;
    engine.late = new Promise((resolve) => {
      goOn = resolve;
    });
    engine.misbehave = (method, path) => {
      const isLast =
        `${method} ${path}` === "POST /containers/create" &&
        engine.requests.filter((one) => one.endsWith("/create")).length > 4;
      if (!isLast) return undefined;
      // The engine has the request and works on it when the user gives up.
      setImmediate(() => controller.abort(new Error("enough")));
      return "late";
    };
    await expect(machine.create(operation(controller.signal))).rejects.toThrow("enough");
    const rolledBack = rollBack();
    // Another handle's requests go through in the meantime: a roll-back that did not wait would have looked around by then.
    await (await machineOf()).inspect(operation());
    goOn();
    await rolledBack;
    await (await machineOf()).inspect(operation());
    expect(engine.requests.filter((request) => request === "POST /containers/create")).toHaveLength(2);
    expect(engine.inventory()).toEqual(["network bridge"]);
  });

  test("hangs is told by the probe's own signal", async () => {
    engine.misbehave = () => "hang";
    const reason = new Error("no answer within 1 s");
    const controller = new AbortController();
    engine.server.once("request", () => controller.abort(reason));
    await expect(dockerDriver.status(host(), controller.signal)).rejects.toBe(reason);
  });

  test("is killed in a create is found again by labels when it is back", async () => {
    const machine = await machineOf();
    engine.misbehave = (method, path) => (`${method} ${path}` === "POST /networks/create" ? "reset" : undefined);
    await expect(machine.create(operation())).rejects.toMatchObject({ code: "NETWORK_FAILED" });
    engine.misbehave = () => undefined;
    // The process that began it is gone as well: another one cleans up.
    await (await machineOf()).remove(operation());
    expect(engine.inventory()).toEqual(["network bridge"]);
  });

  test("refuses the user its socket says so, with the group that helps", async () => {
    const lent = host();
    const refused = Object.assign(new Error("connect EACCES"), { code: "EACCES" });
    const denied = { ...lent, network: { ...lent.network, connect: () => Promise.reject(refused) } };
    expect(await dockerDriver.status(denied, AbortSignal.timeout(10_000))).toMatchObject({
      status: "unhealthy",
      code: "docker-permission",
      fix: expect.stringContaining("usermod -aG docker"),
    });
  });
});

test.each([
  ["Permission denied (publickey).", 255],
  ["bash: line 1: docker: command not found", 127],
])("an ssh that says %j is why the engine cannot be reached", async (said, exitCode) => {
  const bin = directory.join("bin");
  await mkdir(bin);
  const script = `#!/bin/sh\n[ "$1" = -G ] && echo hostname box && exit 0\necho '${said}' >&2; exit ${exitCode}\n`;
  await writeFile(`${bin}/ssh`, script, { mode: 0o755 });
  const env = { DOCKER_HOST: "ssh://me@box", HOME: directory.path, PATH: `${bin}:/usr/bin:/bin` };
  const lent = createNodeHost({ home: directory.join("home"), env });
  expect(await dockerDriver.status(lent, AbortSignal.timeout(10_000))).toMatchObject({
    status: "unhealthy",
    code: "docker-ssh",
    reason: `the Docker Engine at ssh://me@box cannot be reached: ${said}`,
    fix: "Make 'docker --host ssh://me@box version' work without a question.",
  });
});

test("a socket that nothing serves is a stopped engine, or a missing one where no program of it is installed", async () => {
  const stale: Server = createServer();
  const path = directory.join("stale.sock");
  await new Promise<void>((resolve) => stale.listen(path, resolve));
  const client: Socket = connect(path);
  await new Promise((resolve) => client.once("connect", resolve));
  client.destroy();
  await new Promise((resolve) => stale.close(resolve));
  const env = { DOCKER_HOST: `unix://${path}`, HOME: directory.path };
  const lent = createNodeHost({ home: directory.join("home"), env });
  const found = await dockerDriver.status(
    { ...lent, which: async () => "/usr/bin/dockerd" },
    AbortSignal.timeout(10_000),
  );
  expect(found).toMatchObject({ status: "stopped", code: "docker-stopped" });
  const missing = await dockerDriver.status({ ...lent, which: async () => undefined }, AbortSignal.timeout(10_000));
  expect(missing).toMatchObject({ status: "missing", code: "docker-not-found", packages: { apt: ["docker.io"] } });
});
