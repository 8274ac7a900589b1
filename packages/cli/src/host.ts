import { createNodeHost, type Host } from "@mk/core";

/** This computer. A module of its own: most of what it needs of Node is loaded with it. */
export function createHost(home: string, env: Readonly<Record<string, string | undefined>>): Host {
  return createNodeHost({ home, env });
}
