import { ENGINE_PORT } from "../contract/guest.js";
import type { MachineSpec, SeedFile } from "../contract/spec.js";
import type { MachineIdentity } from "./machine-identity.js";

/** What gives a guest its identity: the seed paths of docs/architecture.md. `proxies`: what daemon.json has under that name. */
export async function createSeed(
  spec: Pick<MachineSpec, "name" | "id">,
  identity: MachineIdentity,
  addresses: readonly string[] = [],
  proxies?: Readonly<Record<string, string>>,
): Promise<readonly SeedFile[]> {
  const [userKey, hostKey, authority, server] = await Promise.all([
    identity.userPublicKey(),
    identity.hostKey(),
    identity.authority(),
    identity.serverCertificate(addresses),
  ]);
  return [
    { path: "/etc/hostname", mode: 0o644, contents: `${spec.name}\n` },
    { path: "/etc/mk/machine.json", mode: 0o644, contents: json({ name: spec.name, id: spec.id }) },
    { path: "/etc/mk/authorized_keys", mode: 0o644, contents: `${userKey}\n` },
    { path: "/etc/mk/ssh_host_ed25519_key", mode: 0o600, contents: hostKey },
    { path: "/etc/mk/tls/ca.pem", mode: 0o644, contents: authority },
    { path: "/etc/mk/tls/cert.pem", mode: 0o644, contents: server.certificate },
    { path: "/etc/mk/tls/key.pem", mode: 0o600, contents: server.privateKey },
    { path: "/etc/docker/daemon.json", mode: 0o600, contents: json({ ...DAEMON, proxies }) },
  ];
}

/** dockerd's configuration. The storage driver is pinned: dockerd falls back to vfs without a word when overlay2 does not work. */
const DAEMON = {
  hosts: ["unix:///run/docker.sock", `tcp://0.0.0.0:${ENGINE_PORT}`],
  tls: true,
  tlsverify: true,
  tlscacert: "/etc/mk/tls/ca.pem",
  tlscert: "/etc/mk/tls/cert.pem",
  tlskey: "/etc/mk/tls/key.pem",
  "storage-driver": "overlay2",
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" },
};

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
