/** Name of the machine that is meant where none is named. */
export const DEFAULT_MACHINE = "mk";

/** Hardware of a machine about which neither the request nor the user's config says anything. */
export const DEFAULT_HARDWARE = { cpus: 2, memoryMiB: 2048, diskMiB: 20 * 1024 } as const;
