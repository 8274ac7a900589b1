import type { MachineSpec, SeedFile } from "@mk/core";

/** Stand-ins for the files by which core gives a guest its identity. The key is of the right form and opens nothing. */
export function seedFiles(spec: MachineSpec, addresses: readonly string[]): readonly SeedFile[] {
  const key = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)} mk`;
  return [
    { path: "/etc/hostname", mode: 0o644, contents: `${spec.name}\n` },
    { path: "/etc/mk/machine.json", mode: 0o644, contents: JSON.stringify({ name: spec.name, id: spec.id }) },
    { path: "/etc/mk/authorized_keys", mode: 0o644, contents: `${key}\n` },
    { path: "/etc/mk/addresses", mode: 0o600, contents: addresses.join("\n") },
  ];
}
