import { raceAbort } from "@mk/core";
import type { Engine } from "./engine.js";
import { type EngineFacts, readFacts } from "./engine-facts.js";

/** An engine whose changes are never torn: see {@link settling}. */
export interface SettlingEngine extends Engine {
  /** Resolves when every change that was begun has ended, well or not. Rejects with the signal's reason. */
  settled(signal: AbortSignal): Promise<void>;
  /** What the engine says about itself, asked once for a handle: it is the slowest of its answers. */
  facts(signal: AbortSignal): Promise<EngineFacts>;
  /** Breaks off what is still under way. */
  abandon(): void;
}

/**
 * An aborted call rejects at once, but a change that the engine has been asked for is left to end: cut off, the engine might still make
 * the container after the roll-back has looked for it. The roll-back waits for {@link SettlingEngine.settled} first.
 */
export function settling(engine: Engine): SettlingEngine {
  const lifetime = new AbortController();
  const pending = new Set<Promise<void>>();
  let facts: EngineFacts | undefined;
  return {
    ...engine,
    call(call, signal) {
      // Reads and uploads of files are cut off: neither leaves anything behind.
      if (call.method === "GET" || call.isWait === true || call.upload !== undefined) return engine.call(call, signal);
      signal.throwIfAborted();
      const work = engine.call({ ...call, unsentSignal: signal }, lifetime.signal);
      const ended: Promise<void> = work
        .then(
          () => undefined,
          () => undefined,
        )
        .finally(() => pending.delete(ended));
      pending.add(ended);
      return raceAbort(work, signal);
    },
    async facts(signal) {
      facts ??= await readFacts(engine, signal);
      return facts;
    },
    async settled(signal) {
      await raceAbort(Promise.all(pending), signal);
    },
    abandon: () => lifetime.abort(new Error("the machine's handle was closed")),
  };
}
