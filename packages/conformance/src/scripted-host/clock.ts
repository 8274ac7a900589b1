interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/** Turns of the event loop that programs and streams get to settle before time moves on. */
const TURNS = 4;

/**
 * Virtual time. Waiting costs nothing: timers fire in the order of their due times, and time moves only when those who run
 * have come to rest. Two who wait 250 ms and 10 s meet in the same order as they would in real time.
 */
export class VirtualClock {
  #now: number;
  #timers: Timer[] = [];
  #running = false;

  constructor(startMs: number) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  delay(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        reject(signal.reason);
      };
      const timer: Timer = {
        due: this.#now + ms,
        fire: () => {
          signal.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      // Stable: of two timers with one due time the older fires first.
      const after = this.#timers.findIndex((other) => other.due > timer.due);
      this.#timers = this.#timers.toSpliced(after === -1 ? this.#timers.length : after, 0, timer);
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#timers.length > 0) {
      const before = this.#timers;
      for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      // Whoever has begun or given up a wait meanwhile has not come to rest.
      if (this.#timers !== before) continue;
      const next = this.#timers.shift();
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      next.fire();
    }
    this.#running = false;
  }
}
