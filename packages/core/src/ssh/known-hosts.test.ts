import fc from "fast-check";
import { expect, test } from "vitest";
import { keyType, knownHostKeys, knownHostsLine } from "./known-hosts.js";
import { generateSshKeyPair } from "./ssh-key.js";

test("a pinned key is found again under its alias, among other lines", async () => {
  const { publicKey } = await generateSshKeyPair("comment");
  const text = `# comment\n\n@revoked mk-a ssh-ed25519 AAAA\n|1|hash= ssh-ed25519 AAAA\n${knownHostsLine("mk-a", publicKey)}`;
  const [key, ...more] = knownHostKeys(text, "mk-a");
  expect(more).toEqual([]);
  expect(key?.type).toBe("ssh-ed25519");
  expect(`${key?.type} ${key?.blob.toString("base64")} comment`).toBe(publicKey);
  expect(knownHostKeys(text, "mk-b")).toEqual([]);
});

test("a line whose type is not the key's is none", async () => {
  const { publicKey } = await generateSshKeyPair();
  const line = knownHostsLine("mk-a", publicKey).replace(" ssh-ed25519 ", " ssh-rsa ");
  expect(knownHostKeys(line, "mk-a")).toEqual([]);
});

test("any text and any bytes are read without an error", () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 80 }), (text, bytes) => {
      expect(Array.isArray(knownHostKeys(text, "mk-a"))).toBe(true);
      keyType(Buffer.from(bytes));
    }),
  );
});

test("what is no public key cannot be pinned", () => {
  expect(() => knownHostsLine("mk-a", "ssh-ed25519")).toThrow(TypeError);
});
