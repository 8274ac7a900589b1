import { raceAbort } from "../abort/race-abort.js";
import { MkError } from "../errors.js";
import type { Engine } from "../lifecycle/engine.js";
import { askDriver } from "../lifecycle/inspect-machine.js";
import { assertRunning } from "../lifecycle/machine-commands.js";
import { openSession } from "../lifecycle/machine-session.js";
import { readConfig } from "../lifecycle/stored-machine.js";
import { createTransport } from "../ssh/create-transport.js";
import type { Transport } from "../ssh/transport.js";

/** An attempt to open a transport, and the call whose signal ends it. */
interface Attempt {
  readonly transport: Promise<Transport>;
  readonly signal: AbortSignal;
  readonly closed: AbortController;
}

/** The one way into a machine that a handle shares among its calls: opened at the first, anew after the machine moved. */
export class Connection implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #name: string;
  /** Has this connection while it is open. */
  readonly #open: Set<AsyncDisposable>;
  #attempt: Attempt | undefined;
  #isDisposed = false;

  constructor(engine: Engine, name: string, open: Set<AsyncDisposable>) {
    this.#engine = engine;
    this.#name = name;
    this.#open = open;
  }

  /** MACHINE_NOT_RUNNING when there is nothing to connect to; else what `work` throws. */
  async use<T>(signal: AbortSignal, work: (transport: Transport) => Promise<T>): Promise<T> {
    return await work(await this.#opened(signal));
  }

  /** Breaks it off. A call that waits for it begins anew; one that uses it gets CANCELLED. */
  async close(): Promise<void> {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#open.delete(this);
    attempt?.closed.abort(new MkError("CANCELLED", `the connection to machine ${this.#name} was closed`));
    await (await attempt?.transport.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.close();
  }

  async #opened(signal: AbortSignal): Promise<Transport> {
    for (;;) {
      const shared = this.#attempt;
      const attempt = shared ?? this.#begin(signal);
      try {
        const transport = await raceAbort(attempt.transport, signal);
        if (!transport.isLost) return transport;
      } catch (error) {
        signal.throwIfAborted();
        // Another call's abort, or its start or stop of the machine, must not end this call: begin again with our own signal.
        const isClosed = attempt.closed.signal.aborted && !this.#isDisposed;
        if (!isClosed && !attempt.signal.aborted) throw error;
        continue;
      }
      // Another mk may have restarted the machine, on another port, and its old one may be another machine's: ask the driver again.
      if (this.#attempt === attempt) await this.close();
    }
  }

  #begin(signal: AbortSignal): Attempt {
    const closed = new AbortController();
    const transport = this.#transport(AbortSignal.any([signal, closed.signal]));
    const attempt: Attempt = { transport, signal, closed };
    this.#attempt = attempt;
    this.#open.add(this);
    transport.catch(() => {
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      this.#open.delete(this);
    });
    return attempt;
  }

  async #transport(signal: AbortSignal): Promise<Transport> {
    await using session = await openSession(this.#engine, await readConfig(this.#engine, this.#name), signal);
    await assertRunning(session, signal);
    const access = await askDriver(session, signal, (op) => session.machine.access(op));
    return createTransport(this.#engine.host, access, { machine: session });
  }
}
