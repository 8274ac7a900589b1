import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { createNodeHost, generateSshKeyPair, hostKeyAlias, knownHostsLine, type MachineAccess } from "@mk/core";
import { startSshd, type TestSshd } from "@mk/testing";

export interface PrivateSshd extends TestSshd {
  readonly access: Extract<MachineAccess, { via: "ssh" }>;
}

/** An OpenSSH server of the test's own, on loopback, with keys made by mk: the directory is laid out as a machine's. */
export async function privateSshd(machine: string): Promise<PrivateSshd> {
  const [user, host] = await Promise.all([generateSshKeyPair("user"), generateSshKeyPair("host")]);
  const sshd = await startSshd({ hostKey: host.privateKey, authorizedKey: user.publicKey });
  const file = (name: string, contents: string): Promise<void> =>
    writeFile(sshd.directory.join(name), contents, { mode: 0o600 });
  await Promise.all([
    file("id_ed25519", user.privateKey),
    file("known_hosts", knownHostsLine(hostKeyAlias(machine), host.publicKey)),
  ]);
  return {
    ...sshd,
    access: { via: "ssh", host: "127.0.0.1", port: sshd.port, user: userInfo().username, hostKey: "pinned" },
  };
}

export const host = createNodeHost();
