import { createTransport, type Transport } from "@mk/core";
import { live } from "@mk/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { host, type PrivateSshd, privateSshd } from "./private-sshd.js";

const suite = await live({ needs: ["sshd"] });

suite("a transport over OpenSSH", () => {
  let sshd: PrivateSshd;
  let transport: Transport;
  beforeAll(async () => {
    sshd = await privateSshd("m1");
    transport = createTransport(host, sshd.access, { machine: { name: "m1", directory: sshd.directory.path } });
  });
  afterAll(async () => {
    await transport?.[Symbol.asyncDispose]();
    await sshd?.[Symbol.asyncDispose]();
  });

  test("runs a program with its arguments as given", async () => {
    const args = ["a b", "", "it's", "$HOME", "-n", "é☃", "*", "a\nb"];
    const { stdout, exitCode } = await transport.exec(["printf", "<%s>", ...args]);
    expect(stdout).toBe(args.map((arg) => `<${arg}>`).join(""));
    expect(exitCode).toBe(0);
  });
});
