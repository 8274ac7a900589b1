/** Where the Docker Engine of mk's guest listens, with mutual TLS. */
export const ENGINE_PORT = 2376;

/** TCP ports of mk's guest that the host reaches on every machine: SSH and the engine. */
export const GUEST_PORTS = [22, ENGINE_PORT] as const;

/** How a shell in mk's guest is reached, but for the host and the port that lead to it. */
export const GUEST_ACCESS = { via: "ssh", user: "mk", hostKey: "pinned" } as const;
