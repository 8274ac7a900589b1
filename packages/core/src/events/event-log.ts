import { randomUUID } from "node:crypto";
import type { EventData, MkEvent } from "./event.js";

/** Events kept for replay, about 2 MB. Older ones are dropped; a reader that lags behind them is told how many it missed. */
const CAPACITY = 4096;

/** One stream of events that any number of readers follow, each from the first event that is kept. */
export interface EventLog {
  emit(source: string, data: EventData): void;
  /** Events of `source`, or all; when the log is closed or `signal` aborts, ends with the last there is. */
  read(options?: { readonly source?: string; readonly signal?: AbortSignal }): AsyncIterable<MkEvent>;
  close(): void;
}

/**
 * A log that keeps the newest `capacity` events, so that who subscribes late hears what was. `emit` never throws: what `onEvent` throws is
 * thrown again by itself, as an uncaught exception of the program.
 */
export function createEventLog(onEvent?: (event: MkEvent) => void, capacity = CAPACITY): EventLog {
  const kept: MkEvent[] = [];
  let dropped = 0;
  let closed = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resolve of [...waiting]) resolve();
  };

  async function* follow(source: string | undefined, signal: AbortSignal | undefined): AsyncGenerator<MkEvent> {
    let next = 0;
    for (;;) {
      if (next < dropped) {
        yield makeEvent(source ?? "mk:///", {
          type: "note",
          level: "warning",
          message: "events were dropped since nobody read them in time",
          fields: { dropped: dropped - next },
        });
        next = dropped;
      }
      const event = kept[next - dropped];
      if (event !== undefined) {
        next++;
        if (source === undefined || event.source === source) yield event;
      } else if (closed || signal?.aborted) {
        return;
      } else {
        await changed(signal);
      }
    }
  }

  function changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        waiting.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      waiting.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  return {
    emit(source, data) {
      const event = makeEvent(source, data);
      kept.push(event);
      if (kept.length > capacity) {
        kept.shift();
        dropped++;
      }
      wake();
      try {
        onEvent?.(event);
      } catch (error) {
        // A fault of the listener is for the program to hear of: the operation that emits cannot help it, and must not fail by it.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
    read: ({ source, signal } = {}) => follow(source, signal),
    close() {
      closed = true;
      wake();
    },
  };
}

/** The `source` of a machine's events. */
export function machineSource(name: string): string {
  return `mk:///machines/${name}`;
}

function makeEvent(source: string, data: EventData): MkEvent {
  return {
    specversion: "1.0",
    id: randomUUID(),
    source,
    type: `dev.mk.${data.type}.v1`,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data,
  };
}
