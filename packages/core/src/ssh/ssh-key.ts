import { generateKeyPair, randomBytes } from "node:crypto";
import { promisify } from "node:util";

/** An Ed25519 key pair in the forms OpenSSH has them. */
export interface SshKeyPair {
  /** OpenSSH's private key file, without a passphrase. */
  readonly privateKey: string;
  /** One line as in `authorized_keys` and `id_ed25519.pub`: `ssh-ed25519 <base64> <comment>`, without a newline. */
  readonly publicKey: string;
}

const TYPE = "ssh-ed25519";
const LINE_CHARACTERS = 70;

/** A new ed25519 key in OpenSSH's format, for users and hosts alike. The comment must be one line. */
export async function generateSshKeyPair(comment = "mk"): Promise<SshKeyPair> {
  if (/[\r\n\0]/.test(comment)) throw new TypeError("the comment of a key must be one line");
  const { privateKey } = await promisify(generateKeyPair)("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  if (d === undefined || x === undefined) throw new TypeError("the key has no numbers");
  const secret = Buffer.from(d, "base64url");
  const point = Buffer.from(x, "base64url");
  const blob = Buffer.concat([string(TYPE), string(point)]);
  return {
    privateKey: armour(privateSection(blob, secret, point, comment)),
    publicKey: `${TYPE} ${blob.toString("base64")} ${comment}`.trimEnd(),
  };
}

/** OpenSSH's PROTOCOL.key. */
function privateSection(blob: Buffer, secret: Buffer, point: Buffer, comment: string): Buffer {
  // Twice the same number: with a passphrase it would tell whether that was right.
  const check = randomBytes(4);
  const pair = Buffer.concat([
    check,
    check,
    string(TYPE),
    string(point),
    string(Buffer.concat([secret, point])),
    string(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (pair.length % 8)) % 8 }, (_, index) => index + 1));
  return Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    uint32(1),
    string(blob),
    string(Buffer.concat([pair, padding])),
  ]);
}

function armour(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return `${["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----"].join("\n")}\n`;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
