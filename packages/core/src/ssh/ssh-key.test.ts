import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { requireTool, temporaryDirectory } from "@mk/testing";
import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { generateSshKeyPair } from "./ssh-key.js";

test("a key pair is one that ssh2 can sign and verify with, whatever its bytes", async () => {
  for (let round = 0; round < 50; round++) {
    const { privateKey, publicKey } = await generateSshKeyPair("m".repeat(round % 9));
    const secret = ssh2.utils.parseKey(privateKey);
    const open = ssh2.utils.parseKey(publicKey);
    if (secret instanceof Error || open instanceof Error) throw new Error("a key does not parse");
    const data = Buffer.from(`round ${round}`);
    expect(open.verify(data, secret.sign(data))).toBe(true);
    expect(secret.getPublicSSH()).toEqual(open.getPublicSSH());
  }
});

test("a private key is in OpenSSH's own format: ssh-keygen finds its public key", async (context) => {
  const missing = await requireTool("program:ssh-keygen");
  if (missing !== undefined) context.skip(missing);
  await using directory = await temporaryDirectory();
  const { privateKey, publicKey } = await generateSshKeyPair("mk m1");
  writeFileSync(directory.join("key"), privateKey, { mode: 0o600 });
  const found = execFileSync("ssh-keygen", ["-y", "-f", directory.join("key")], { encoding: "utf8" });
  expect(found.trim()).toBe(publicKey);
  expect(spawnSync("ssh-keygen", ["-l", "-f", directory.join("key")]).stdout.toString()).toContain("(ED25519)");
});

test("two key pairs are different", async () => {
  const [a, b] = await Promise.all([generateSshKeyPair(), generateSshKeyPair()]);
  expect(a.publicKey).not.toBe(b.publicKey);
});

test("a comment is one line", async () => {
  await expect(generateSshKeyPair("a\nssh-rsa AAAA")).rejects.toThrow(TypeError);
});
