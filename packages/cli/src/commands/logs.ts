import { parseCount } from "@mk/core";
import type { Command } from "../context.js";
import { isOn, text } from "../flags.js";
import { machineName } from "../machine-name.js";

export const logs: Command = async (context, [argument], flags) => {
  const { stdout } = context;
  const lines = text(flags, "lines");
  const wanted = lines === undefined ? undefined : parseCount(lines, "--lines", 1_000_000);
  const follow = isOn(flags, "follow");
  const machine = await (await context.mk()).machine(await machineName(context, argument));
  // A reader that goes away ends the reading, and with it the command.
  const signal = AbortSignal.any([context.signal, stdout.closed]);
  const tail = new Tail(wanted);
  try {
    for await (const bytes of machine.console({ signal })) {
      if (wanted === undefined) stdout.write(bytes);
      else tail.push(bytes);
    }
    stdout.write(tail.bytes());
    if (!follow) return;
    let skip = tail.seen;
    for await (const bytes of machine.console({ signal, follow: true })) {
      const fresh = bytes.subarray(Math.min(skip, bytes.length));
      skip -= bytes.length - fresh.length;
      stdout.write(fresh);
    }
  } catch (error) {
    if (!stdout.closed.aborted) throw error;
  }
};

/** The last lines of a stream, and how much of it went by. */
class Tail {
  seen = 0;
  readonly #lines: number | undefined;
  #kept = Buffer.alloc(0);

  constructor(lines: number | undefined) {
    this.#lines = lines;
  }

  push(bytes: Uint8Array): void {
    this.seen += bytes.length;
    this.#kept = Buffer.concat([this.#kept, bytes]);
    let start = this.#kept.length - (this.#kept.at(-1) === 10 ? 1 : 0);
    for (let line = 0; line < (this.#lines ?? 0) && start >= 0; line++) start = this.#kept.lastIndexOf(10, start - 1);
    if (start >= 0) this.#kept = this.#kept.subarray(start + 1);
  }

  bytes(): Uint8Array {
    return this.#kept;
  }
}
