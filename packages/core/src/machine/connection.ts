import { MkError } from "../errors.js";
import type { Engine } from "../lifecycle/engine.js";
import { assertRunning } from "../lifecycle/machine-commands.js";
import { openSession } from "../lifecycle/machine-session.js";
import { quietOperation } from "../lifecycle/operation.js";
import { readConfig } from "../lifecycle/stored-machine.js";
import { createTransport } from "../ssh/create-transport.js";
import type { Transport } from "../ssh/transport.js";

/** The one way into a machine that a handle shares among its calls: opened at the first, anew after the machine moved. */
export class Connection {
  readonly #engine: Engine;
  readonly #name: string;
  #transport: Promise<Transport> | undefined;

  constructor(engine: Engine, name: string) {
    this.#engine = engine;
    this.#name = name;
  }

  /** MACHINE_NOT_RUNNING when there is nothing to connect to; else what `work` throws. */
  async use<T>(signal: AbortSignal, work: (transport: Transport) => Promise<T>): Promise<T> {
    this.#transport ??= this.#open(signal);
    const mine = this.#transport;
    try {
      return await work(await mine);
    } catch (error) {
      // Another mk may have restarted the machine, on another port: the next call asks the driver again.
      const moved = MkError.is(error, "NETWORK_FAILED") || MkError.is(error, "SSH_FAILED");
      const failed = await mine.then(
        () => false,
        () => true,
      );
      if ((moved || failed) && this.#transport === mine) await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const transport = this.#transport;
    this.#transport = undefined;
    await (await transport?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  async #open(signal: AbortSignal): Promise<Transport> {
    await using session = await openSession(this.#engine, await readConfig(this.#engine, this.#name), signal);
    await assertRunning(session, signal);
    const access = await session.machine.access(quietOperation(signal));
    return createTransport(this.#engine.host, access, { machine: session });
  }
}
