/**
 * Labels on everything this driver makes in an engine. They are the only truth about what is ours: what has no label with the machine's
 * id is never changed, whatever its name.
 */
export const LABELS = {
  /** The machine's UUID. */
  machine: "dev.mk.machine",
  /** The machine's name, for people. */
  name: "dev.mk.name",
  /** `machine`, or `trial` for the short-lived containers that find out what the engine grants. */
  role: "dev.mk.role",
  /** Digest of the guest image: on the imported image, and on the container made from it. */
  image: "dev.mk.image",
  /** Digest of the create request a container was made by: another one is due when it differs. */
  request: "dev.mk.request",
} as const;

export type ContainerRole = "machine" | "trial";

/** Name of a machine's container, network and volume. */
export function objectName(machine: string): string {
  return `mk-${machine}`;
}

export function ownedBy(labels: Readonly<Record<string, string>>, machineId: string): boolean {
  return labels[LABELS.machine] === machineId;
}

/** The `filters` parameter that lists a machine's networks and volumes. */
export function machineFilter(machineId: string): { readonly label: readonly string[] } {
  return { label: [`${LABELS.machine}=${machineId}`] };
}

/**
 * The one that lists its containers of a role. Those of the role `machine` are known by their data volume too: `docker commit` hands
 * labels on to an image, and what the user makes of that image is no machine.
 */
export function containerFilter(
  machine: { readonly id: string; readonly name: string },
  role: ContainerRole,
): { readonly label: readonly string[]; readonly volume?: readonly string[] } {
  const label = [`${LABELS.machine}=${machine.id}`, `${LABELS.role}=${role}`];
  return role === "machine" ? { label, volume: [objectName(machine.name)] } : { label };
}
