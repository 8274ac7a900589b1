import { createMk, type Discovery, type Host, type Mk, type MkEvent } from "@mk/core";
import { lazyImages } from "./lazy-images.js";

/** The embedding API as the command uses it. A module of its own: commands that work on no machine never load it. */
export function openMk(options: {
  readonly home: string;
  readonly host: Host;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly discover: () => Promise<Discovery>;
  readonly onEvent: (event: MkEvent) => void;
  readonly signal: AbortSignal;
}): Mk {
  const { home, env } = options;
  return createMk({ ...options, images: lazyImages({ home, env }) });
}
