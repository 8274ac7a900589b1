import { X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { errnoOf, fileError } from "../host/file-error.js";
import { once } from "../once.js";
import { knownHostsLine } from "../ssh/known-hosts.js";
import { generateSshKeyPair } from "../ssh/ssh-key.js";
import { hostKeyAlias } from "../ssh/ssh-target.js";
import { writeFileAtomic } from "../store/write-file-atomic.js";
import { type CertifiedKey, createAuthority, createClientCertificate, createServerCertificate } from "./certificate.js";

/** Keys and certificates of one machine, kept in its directory, each made when it is first needed. */
export interface MachineIdentity {
  /** Absolute path of the user's private key. */
  readonly userKeyFile: string;
  /** Holds the host key under the machine's alias, since its address and port change. */
  readonly knownHostsFile: string;
  /** Directory with ca.pem, cert.pem and key.pem as the docker client wants them. */
  readonly clientCertificates: string;
  /** One line for authorized_keys. */
  userPublicKey(): Promise<string>;
  /** The SSH server's private key, OpenSSH format. */
  hostKey(): Promise<string>;
  authority(): Promise<string>;
  /** Valid for loopback, the name and `addresses`; issued anew only when it is not. */
  serverCertificate(addresses: readonly string[]): Promise<CertifiedKey>;
  /** A new one for this host too, not issued yet; undefined when the last one is valid for it, or none was issued. */
  certificateFor(host: string): Promise<CertifiedKey | undefined>;
  /** Puts that one in place of the last one, now that the server has it. */
  issue(certificate: CertifiedKey): Promise<void>;
}

/** Reissue early enough that a machine which is started now and then never meets the end. */
const RENEW_BEFORE_MS = 90 * 86_400_000;

export function createMachineIdentity(name: string, directory: string): MachineIdentity {
  const certs = join(directory, "certs");
  const userKeyFile = join(directory, "id_ed25519");
  const hostKeyFile = join(directory, "ssh_host_ed25519_key");
  const knownHostsFile = join(directory, "known_hosts");

  const userKey = once(async () => {
    const found = await readPair(userKeyFile, `${userKeyFile}.pub`);
    if (found !== undefined) return found[1].trim();
    const { privateKey, publicKey } = await generateSshKeyPair(`mk-${name}`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFileAtomic(userKeyFile, privateKey);
    await writeFileAtomic(`${userKeyFile}.pub`, `${publicKey}\n`);
    return publicKey;
  });

  const hostKey = once(async () => {
    const found = await readPair(hostKeyFile, knownHostsFile);
    if (found !== undefined) return found[0];
    const { privateKey, publicKey } = await generateSshKeyPair(`mk-${name}`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFileAtomic(hostKeyFile, privateKey);
    await writeFileAtomic(knownHostsFile, knownHostsLine(hostKeyAlias(name), publicKey));
    return privateKey;
  });

  const authority = once(async (): Promise<CertifiedKey> => {
    const found = await readPair(join(certs, "ca.pem"), join(certs, "ca-key.pem"));
    if (found !== undefined && (await readPair(join(certs, "cert.pem"), join(certs, "key.pem"))) !== undefined) {
      return { certificate: found[0], privateKey: found[1] };
    }
    const made = createAuthority(`mk machine ${name}`);
    const client = createClientCertificate(made, "mk client");
    await mkdir(certs, { recursive: true, mode: 0o700 });
    // The authority last: without it all is made anew, so no half set is ever used.
    await writeFileAtomic(join(certs, "cert.pem"), client.certificate);
    await writeFileAtomic(join(certs, "key.pem"), client.privateKey);
    await writeFileAtomic(join(certs, "ca-key.pem"), made.privateKey);
    await writeFileAtomic(join(certs, "ca.pem"), made.certificate);
    return made;
  });

  const [certificateFile, keyFile] = [join(certs, "server.pem"), join(certs, "server-key.pem")];

  /** The last one, or one that is not issued yet. */
  const validCertificate = async (addresses: readonly string[]): Promise<CertifiedKey> => {
    const issuer = await authority();
    const hosts = [...new Set(["localhost", "127.0.0.1", "::1", name, ...addresses])];
    const found = await readPair(certificateFile, keyFile);
    if (found !== undefined && isValidFor(found[0], issuer.certificate, hosts)) {
      return { certificate: found[0], privateKey: found[1] };
    }
    return createServerCertificate(issuer, name, hosts);
  };

  const issue = async ({ certificate, privateKey }: CertifiedKey): Promise<void> => {
    if ((await readText(certificateFile)) === certificate) return;
    await writeFileAtomic(keyFile, privateKey);
    await writeFileAtomic(certificateFile, certificate);
  };

  return {
    userKeyFile,
    knownHostsFile,
    clientCertificates: certs,
    userPublicKey: userKey,
    hostKey,
    authority: async () => (await authority()).certificate,
    async serverCertificate(addresses) {
      const current = await validCertificate(addresses);
      await issue(current);
      return current;
    },
    async certificateFor(host) {
      const issued = await readText(certificateFile);
      if (!issued) return undefined;
      const current = await validCertificate([host]);
      return current.certificate === issued ? undefined : current;
    },
    issue,
  };
}

function isValidFor(certificate: string, authority: string, hosts: readonly string[]): boolean {
  try {
    const parsed = new X509Certificate(certificate);
    return (
      parsed.verify(new X509Certificate(authority).publicKey) &&
      Date.parse(parsed.validTo) - Date.now() > RENEW_BEFORE_MS &&
      hosts.every((host) => (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined)
    );
  } catch {
    return false;
  }
}

/** Both files, or undefined unless both are there and have contents. */
async function readPair(first: string, second: string): Promise<readonly [string, string] | undefined> {
  const [a, b] = await Promise.all([readText(first), readText(second)]);
  return a && b ? [a, b] : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError(error, "read", path);
  }
}
