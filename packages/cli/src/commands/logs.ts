import { type MachineHandle, parseCount } from "@mk/core";
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
  try {
    if (wanted === undefined) for await (const bytes of machine.console({ signal, follow })) stdout.write(bytes);
    else await writeTail(stdout, machine, new Tail(wanted), { signal, follow });
  } catch (error) {
    if (!stdout.closed.aborted) throw error;
  }
  context.signal.throwIfAborted();
};

/** Writes the last lines of what is there; then, of a console that is followed, all that comes. */
async function writeTail(
  stdout: Output,
  machine: MachineHandle,
  tail: Tail,
  options: { readonly signal: AbortSignal; readonly follow: boolean },
): Promise<void> {
  let isThere = true;
  const onCaughtUp = () => {
    stdout.write(tail.bytes());
    isThere = false;
  };
  for await (const bytes of machine.console({ ...options, onCaughtUp })) {
    if (isThere) tail.push(bytes);
    else stdout.write(bytes);
  }
}

/** The last lines of a stream. */
export class Tail {
  readonly #lines: number;
  #kept = Buffer.alloc(0);

  constructor(lines: number) {
    this.#lines = lines;
  }

  push(bytes: Uint8Array): void {
    this.#kept = Buffer.concat([this.#kept, bytes]);
    let start = this.#kept.length - (this.#kept.at(-1) === 10 ? 1 : 0);
    for (let line = 0; line < this.#lines && start >= 0; line++) {
      // An offset of -1 would be the last byte.
      start = start === 0 ? -1 : this.#kept.lastIndexOf(10, start - 1);
    }
    if (start >= 0) this.#kept = this.#kept.subarray(start + 1);
  }

  bytes(): Uint8Array {
    return this.#kept;
  }
}
