import { parseCount } from "@mk/core";
import type { Command } from "../context.js";
import { isOn, text } from "../flags.js";
import { machineName } from "../machine-name.js";
import type { Output } from "../terminal/output.js";

export const logs: Command = async (context, [argument], flags) => {
  const { stdout } = context;
  const lines = text(flags, "lines");
  const wanted = lines === undefined ? undefined : parseCount(lines, "--lines", 1_000_000);
  const follow = isOn(flags, "follow");
  const machine = await (await context.mk()).machine(await machineName(context, argument));
  // A reader that goes away ends the reading, and with it the command.
  const signal = AbortSignal.any([context.signal, stdout.closed]);
  const console = machine.console({ signal, follow });
  try {
    if (wanted !== undefined) await writeTail(stdout, console, new Tail(wanted), follow);
    else for await (const bytes of console) stdout.write(bytes);
  } catch (error) {
    if (!stdout.closed.aborted) throw error;
  }
  context.signal.throwIfAborted();
};

/** What is there comes without such a pause, and within this time from its first byte. */
const PAUSE_MS = 250;
const CATCH_UP_MS = 1000;

/** Writes the last lines of what is there; then, of a console that is followed, all that comes. */
async function writeTail(stdout: Output, console: AsyncIterable<Uint8Array>, tail: Tail, follow: boolean) {
  let isThere = true;
  const catchUp = () => {
    if (isThere) stdout.write(tail.bytes());
    isThere = false;
  };
  let limit: NodeJS.Timeout | undefined;
  let pause: NodeJS.Timeout | undefined;
  try {
    for await (const bytes of console) {
      if (isThere) tail.push(bytes);
      else stdout.write(bytes);
      if (!follow) continue;
      limit ??= setTimeout(catchUp, CATCH_UP_MS);
      clearTimeout(pause);
      pause = setTimeout(catchUp, PAUSE_MS);
    }
    catchUp();
  } finally {
    clearTimeout(limit);
    clearTimeout(pause);
  }
}

/** The last lines of a stream. */
class Tail {
  readonly #lines: number;
  #kept = Buffer.alloc(0);

  constructor(lines: number) {
    this.#lines = lines;
  }

  push(bytes: Uint8Array): void {
    this.#kept = Buffer.concat([this.#kept, bytes]);
    let start = this.#kept.length - (this.#kept.at(-1) === 10 ? 1 : 0);
    for (let line = 0; line < this.#lines && start >= 0; line++) start = this.#kept.lastIndexOf(10, start - 1);
    if (start >= 0) this.#kept = this.#kept.subarray(start + 1);
  }

  bytes(): Uint8Array {
    return this.#kept;
  }
}
