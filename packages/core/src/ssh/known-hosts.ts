/** A host key as an SSH server shows it. */
export interface HostKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` … */
  readonly type: string;
  readonly blob: Buffer;
}

/** The line that pins a public key (`<type> <base64>[ <comment>]`) to a machine, with a newline. */
export function knownHostsLine(alias: string, publicKey: string): string {
  const [type, blob] = publicKey.trim().split(/\s+/);
  if (type === undefined || blob === undefined) throw new TypeError("not a public key");
  return `${alias} ${type} ${blob}\n`;
}

/** The keys that a known_hosts file (sshd(8)) has for this alias. Lines that do not parse, hashed and marked ones are passed over. */
export function knownHostKeys(text: string, alias: string): readonly HostKey[] {
  return text.split("\n").flatMap((line) => {
    const [hosts = "", type = "", base64 = ""] = line.trim().split(/\s+/);
    if (!hosts.split(",").includes(alias) || base64 === "") return [];
    const blob = Buffer.from(base64, "base64");
    return keyType(blob) === type ? [{ type, blob }] : [];
  });
}

/** The type that a key's blob begins with (RFC 4253, 6.6); undefined when it is none. */
export function keyType(blob: Buffer): string | undefined {
  if (blob.length < 4) return undefined;
  const length = blob.readUInt32BE(0);
  if (length === 0 || length > 64 || blob.length <= 4 + length) return undefined;
  return blob.toString("latin1", 4, 4 + length);
}
