/** Packages of this project, by driver name: what "not installed" can name, and names no other package may take. */
export const FIRST_PARTY_DRIVERS = {
  docker: { packageName: "@mk/driver-docker", aliases: [] },
  hyperkit: { packageName: "@mk/driver-hyperkit", aliases: [] },
  kvm2: { packageName: "@mk/driver-kvm2", aliases: ["kvm", "libvirt"] },
  qemu: { packageName: "@mk/driver-qemu", aliases: ["qemu2"] },
} as const satisfies Record<string, { packageName: string; aliases: readonly string[] }>;

export interface FirstPartyDriver {
  readonly name: string;
  readonly packageName: string;
  readonly aliases: readonly string[];
}

/** The first-party driver that has this name or alias. */
export function firstPartyDriver(name: string): FirstPartyDriver | undefined {
  for (const [own, { packageName, aliases }] of Object.entries(FIRST_PARTY_DRIVERS)) {
    if (own === name || (aliases as readonly string[]).includes(name)) return { name: own, packageName, aliases };
  }
  return undefined;
}
