import { raceAbort } from "../abort/race-abort.js";
import { delay } from "../host/delay.js";

/** A server may free a session only after it has said so, and answered what came meanwhile: OpenSSH does so at the end of a turn of its loop. */
const PAUSES_MS = [10, 40, 160];

/** A session that somebody wants, is being opened, or is open. */
export interface SessionSlot {
  /** Told before each request. */
  take(): void;
  /** Told when it has ended, or came to nothing. A second time counts for nothing. */
  free(): void;
  /** Told when the server refused it. Resolves when another try makes sense; false when it never will. */
  refused(signal: AbortSignal): Promise<boolean>;
}

/**
 * Counts the sessions of a connection. Servers have a limit (OpenSSH: MaxSessions, 10) and tell it only by refusing. What is refused
 * waits for the end of another one. A limit is not learned from that: at the moment of a refusal others may just have ended.
 */
export class SessionSlots {
  #open = 0;
  #freed = 0;
  readonly #waiting: (() => void)[] = [];

  slot(): SessionSlot {
    let freedBefore = 0;
    let isHeld = false;
    let pauses = 0;
    const release = (): boolean => {
      if (!isHeld) return false;
      isHeld = false;
      this.#open--;
      return true;
    };
    return {
      take: () => {
        freedBefore = this.#freed;
        isHeld = true;
        this.#open++;
      },
      free: () => {
        if (!release()) return;
        this.#freed++;
        this.#waiting.shift()?.();
      },
      refused: async (signal) => {
        release();
        // Since the request was sent one has ended: its place may be free.
        if (this.#freed !== freedBefore) return true;
        if (this.#open > 0) {
          await this.#next(signal);
          return true;
        }
        const pause = PAUSES_MS[pauses++];
        if (pause === undefined) return false;
        await delay(pause, signal);
        return true;
      },
    };
  }

  async #next(signal: AbortSignal): Promise<void> {
    let isWoken = false;
    const woken = new Promise<void>((resolve) => {
      this.#waiting.push(() => {
        isWoken = true;
        resolve();
      });
    });
    try {
      await raceAbort(woken, signal);
    } catch (error) {
      // The place that was meant for this one is the next one's.
      if (isWoken) this.#waiting.shift()?.();
      throw error;
    }
  }
}
