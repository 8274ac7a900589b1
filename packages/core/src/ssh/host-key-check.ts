import type { Host } from "../contract/host.js";
import { MkError } from "../errors.js";
import { type HostKey, keyType, knownHostKeys, knownHostsLine } from "./known-hosts.js";
import { hostKeyAlias, type SshTarget } from "./ssh-target.js";

/** Signature algorithms by key type, RFC 8332: an RSA key signs in three ways. */
const RSA = ["rsa-sha2-512", "rsa-sha2-256"];
const TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", ...RSA];

export interface HostKeyCheck {
  /** Signature algorithms, the known keys' types first: a server with several keys then shows the one that is known. */
  readonly algorithms: readonly string[];
  accepts(blob: Buffer): boolean;
  /** Why `accepts` said no. */
  readonly failure: MkError | undefined;
  /** Writes down a key that was seen for the first time. Call it when the login succeeded. */
  remember(): Promise<void>;
}

/** Compares a server's key with the machine's known_hosts. CONFIG_CORRUPT when the key that mk pinned is not in there. */
export async function createHostKeyCheck(host: Host, target: SshTarget): Promise<HostKeyCheck> {
  const alias = hostKeyAlias(target.machine);
  const text = (await host.files.readText(target.knownHostsFile, { maxBytes: 1024 * 1024 })) ?? "";
  const known = knownHostKeys(text, alias);
  if (known.length === 0 && target.hostKey === "pinned") {
    throw new MkError("CONFIG_CORRUPT", `${target.knownHostsFile} has no host key for machine ${target.machine}`, {
      hint: `Recreate machine ${target.machine}.`,
    });
  }
  let failure: MkError | undefined;
  let seen: HostKey | undefined;
  return {
    algorithms: [...new Set([...known.flatMap(({ type }) => algorithmsOf(type)), ...TYPES])],
    accepts(blob) {
      if (known.some((key) => key.blob.equals(blob))) return true;
      const type = keyType(blob);
      if (known.length === 0 && type !== undefined) {
        seen = { type, blob };
        return true;
      }
      failure = hostKeyChanged(target);
      return false;
    },
    get failure() {
      return failure;
    },
    async remember() {
      if (seen === undefined) return;
      const line = knownHostsLine(alias, `${seen.type} ${seen.blob.toString("base64")}`);
      await host.files.write(
        target.knownHostsFile,
        text === "" || text.endsWith("\n") ? text + line : `${text}\n${line}`,
      );
    },
  };
}

function algorithmsOf(type: string): readonly string[] {
  if (type === "ssh-rsa") return RSA;
  return TYPES.includes(type) ? [type] : [];
}

function hostKeyChanged({ machine, host, port, knownHostsFile, hostKey }: SshTarget): MkError {
  return new MkError(
    "HOST_KEY_CHANGED",
    `the SSH server at ${host}:${port} is not machine ${machine}: its host key is another than the one in ${knownHostsFile}`,
    {
      hint:
        hostKey === "pinned"
          ? `Check what listens on ${host}:${port}; recreate machine ${machine} if its disk was replaced.`
          : `Remove ${knownHostsFile} if you know that the machine's host key was changed.`,
      details: { machine, host, port },
    },
  );
}
