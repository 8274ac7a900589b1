import { createTransport, type Transport } from "@mk/core";
import { live } from "@mk/testing";
import { afterAll, beforeAll } from "vitest";
import { host, type PrivateSshd, privateSshd } from "./private-sshd.js";
import { transportContract } from "./transport-contract.js";

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

  transportContract(() => transport);
});
