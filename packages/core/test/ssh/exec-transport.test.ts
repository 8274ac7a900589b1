import { symlink } from "node:fs/promises";
import { createTransport, type Transport } from "@mk/core";
import { live, type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { host } from "./private-sshd.js";
import { transportContract } from "./transport-contract.js";

const machine = { name: "m1", directory: "/nonexistent" };

describe("a transport over a program of the host", () => {
  let transport: Transport;
  beforeAll(() => {
    transport = createTransport(host, { via: "exec", argv: ["env", "-u", "MK_HOME"] }, { machine });
  });
  afterAll(() => transport[Symbol.asyncDispose]());

  transportContract(() => transport);

  test("gives no terminal", async () => {
    await expect(transport.exec(["true"], { tty: true })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("names the program that is missing", async () => {
    const missing = createTransport(host, { via: "exec", argv: ["mk-no-such-program"] }, { machine });
    await expect(missing.exec(["true"])).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  });
});

const suite = await live({ needs: ["program:busybox"] });

suite("a transport into a guest that has busybox alone", () => {
  let bin: TemporaryDirectory;
  let transport: Transport;
  beforeAll(async () => {
    bin = await temporaryDirectory("mk-busybox-");
    const applets = (await host.run("busybox", ["--list"])).stdout.split("\n").filter((name) => name !== "");
    const path = (await host.which("busybox")) ?? "";
    await Promise.all(applets.map((name) => symlink(path, bin.join(name))));
    transport = createTransport(host, { via: "exec", argv: ["env", "-i", `PATH=${bin.path}`] }, { machine });
  });
  afterAll(async () => {
    await transport[Symbol.asyncDispose]();
    await bin[Symbol.asyncDispose]();
  });

  transportContract(() => transport);
});
