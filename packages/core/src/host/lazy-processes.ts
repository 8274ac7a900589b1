import type { Processes } from "../contract/host.js";

/** Processes that are loaded when one is first asked for. */
export function lazyProcesses(load: () => Promise<Processes>): Processes {
  let loading: Promise<Processes> | undefined;
  const loaded = (): Promise<Processes> => (loading ??= load());
  return {
    spawnDaemon: async (...args) => (await loaded()).spawnDaemon(...args),
    identify: async (pid) => (await loaded()).identify(pid),
    isAlive: async (identity) => (await loaded()).isAlive(identity),
    signal: async (...args) => (await loaded()).signal(...args),
    waitGone: async (...args) => (await loaded()).waitGone(...args),
  };
}
