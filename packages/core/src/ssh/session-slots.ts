import { raceAbort } from "./race-abort.js";

/**
 * How many sessions a connection may have at once. Servers have a limit (OpenSSH: MaxSessions, 10) and tell it only by refusing: each
 * refusal lowers ours to what was open then, and who was refused waits for a place.
 */
export class SessionSlots {
  #taken = 0;
  #limit = Number.POSITIVE_INFINITY;
  readonly #waiting: (() => void)[] = [];

  async take(signal: AbortSignal): Promise<void> {
    while (this.#taken >= this.#limit) {
      await raceAbort(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal).catch((error: unknown) => {
        // The place may just have become this one's: let the next have it.
        this.#waiting.shift()?.();
        throw error;
      });
    }
    this.#taken++;
  }

  free(): void {
    this.#taken--;
    this.#waiting.shift()?.();
  }

  /** Gives a place back that the server refused; false when no other is taken, so that waiting would be in vain. */
  refuse(): boolean {
    this.#taken--;
    if (this.#taken === 0) return false;
    this.#limit = this.#taken;
    return true;
  }
}
