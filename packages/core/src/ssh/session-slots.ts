import { raceAbort } from "./race-abort.js";

/** A place that was taken. Giving it back twice counts once. */
export interface SessionSlot {
  free(): void;
  /** Gives it back since the server refused it; false when no other is taken, so that waiting would be in vain. */
  refuse(): boolean;
}

/**
 * How many sessions a connection may have at once. Servers have a limit (OpenSSH: MaxSessions, 10) and tell it only by refusing: each
 * refusal lowers ours to what was open then, and who was refused waits for a place.
 */
export class SessionSlots {
  #taken = 0;
  #limit = Number.POSITIVE_INFINITY;
  readonly #waiting: (() => void)[] = [];

  async take(signal: AbortSignal): Promise<SessionSlot> {
    while (this.#taken >= this.#limit) {
      await raceAbort(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal).catch((error: unknown) => {
        // The place may just have become this one's: let the next have it.
        this.#waiting.shift()?.();
        throw error;
      });
    }
    this.#taken++;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      this.#taken--;
    };
    return {
      free: () => {
        release();
        this.#waiting.shift()?.();
      },
      refuse: () => {
        release();
        if (this.#taken === 0) return false;
        this.#limit = this.#taken;
        return true;
      },
    };
  }
}
