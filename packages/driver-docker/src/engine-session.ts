import { isIP } from "node:net";
import type { MachineContext } from "@mk/core";
import { openEngine } from "./engine.js";
import type { EngineTarget } from "./engine-connection.js";
import { currentEngine, type EnginePlace, parsePlace } from "./engine-place.js";
import { type SettlingEngine, settling } from "./settling-engine.js";

/** A machine's engine: the one it was made in, whatever DOCKER_HOST and the context say now (`mk env` itself sets DOCKER_HOST). */
export interface EngineSession {
  /** Opened once; a failure is not kept. */
  open(signal: AbortSignal): Promise<SettlingEngine>;
  /** Records the engine before the first thing is made in it, and before a start when the run before it ended. */
  remember(engine: SettlingEngine, lastEnd?: string): Promise<void>;
  /** When the run before the last start ended: the container's own time is overwritten when it ends again. */
  lastEnd(): Promise<string | undefined>;
  /** What was opened so far, if anything. */
  readonly current: SettlingEngine | undefined;
}

export function engineSession({ host, record }: Pick<MachineContext, "host" | "record">): EngineSession {
  let current: SettlingEngine | undefined;
  const open = async (signal: AbortSignal): Promise<SettlingEngine> => {
    current ??= settling(await openEngine(host, await recordedPlace(record, host), signal));
    return current;
  };
  return {
    open,
    remember: (engine, lastEnd) =>
      record.write({ version: 1, engine: engine.place, ...(lastEnd !== undefined && { lastEnd }) }),
    async lastEnd() {
      const raw = await record.read();
      const found = typeof raw === "object" && raw !== null && "lastEnd" in raw ? raw.lastEnd : undefined;
      return typeof found === "string" ? found : undefined;
    },
    get current() {
      return current;
    },
  };
}

async function recordedPlace(record: MachineContext["record"], host: MachineContext["host"]): Promise<EnginePlace> {
  const raw = await record.read();
  const recorded = typeof raw === "object" && raw !== null && "engine" in raw ? parsePlace(raw.engine) : undefined;
  return recorded ?? currentEngine(host);
}

/** The host on which an engine publishes ports, unless it is this one. */
export function remoteHost(target: EngineTarget): string | undefined {
  if (target.kind === "socket") return undefined;
  const isLoopback =
    target.host === "localhost" || target.host === "::1" || (isIP(target.host) === 4 && target.host.startsWith("127."));
  return isLoopback ? undefined : target.host;
}
