import { createNodeHost, type Host } from "@mk/core";
import { temporaryDirectory } from "@mk/testing";

/** This computer, with a cache of facts of its own. */
export async function liveHost(): Promise<Host & AsyncDisposable> {
  const home = await temporaryDirectory("mk-qemu-");
  return Object.assign(createNodeHost({ home: home.path }), {
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  });
}
