import type { ChildEvent } from "./messages.js";

/** Events on their way to the parent, which asks for them in batches. */
export class EventQueue {
  #events: ChildEvent[] = [];
  #waiting: (() => void) | undefined;
  #drained: (() => void)[] = [];

  push(event: ChildEvent): void {
    this.#events.push(event);
    this.#waiting?.();
    this.#waiting = undefined;
  }

  /** As {@link push}, and waits until the parent has taken it: for streams that would fill the memory. */
  async pushAndWait(event: ChildEvent): Promise<void> {
    this.push(event);
    await this.flush();
  }

  /** Resolves when everything was taken. */
  async flush(): Promise<void> {
    if (this.#events.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** All events since the last call; waits for one. */
  async next(): Promise<readonly ChildEvent[]> {
    if (this.#events.length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    const events = this.#events;
    this.#events = [];
    // What waits for this goes on after the answer that carries the events was written.
    for (const resolve of this.#drained.splice(0)) setImmediate(resolve);
    return events;
  }
}
