/** docker-machine's states by their number on the wire; 9 is rancher-machine's. */
export const MACHINE_STATES = [
  "none",
  "running",
  "paused",
  "saved",
  "stopped",
  "stopping",
  "starting",
  "error",
  "timeout",
  "not-found",
] as const;

export type PluginState = (typeof MACHINE_STATES)[number];

/** Numbers that no known host or driver uses count as `error`. */
export function pluginState(number: number): PluginState {
  return MACHINE_STATES[number] ?? "error";
}

export function stateNumber(state: PluginState): number {
  return MACHINE_STATES.indexOf(state);
}
