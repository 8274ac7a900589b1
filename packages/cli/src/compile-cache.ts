import * as module from "node:module";

/** Lets Node 22 and later keep compiled code between runs; Node 20 has no such cache. */
export function enableCompileCache(): void {
  (module as { enableCompileCache?: () => void }).enableCompileCache?.();
}
