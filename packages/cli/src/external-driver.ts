import type { DriverEntry, ExternalDriver } from "@mk/core";

/** The entry of a docker-machine driver. The code that speaks to it is loaded when it is chosen. */
export function externalDriver({ name, path }: ExternalDriver): DriverEntry {
  return {
    name,
    aliases: [],
    builtin: false,
    origin: path,
    load: async (signal) => {
      const { loadExternalDriver } = await import("@mk/libmachine");
      return await loadExternalDriver({ name, path }, signal);
    },
  };
}
