import { finished, type Readable, type Writable } from "node:stream";
import { MkError } from "../errors.js";
import { OutputBuffer } from "../host/output-buffer.js";
import type { RemoteProcess } from "./carrier.js";

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Where an output goes: what `text` answers is empty when it went to a stream. */
export interface Sink {
  readonly text: () => string;
  /** Resolves when the output has ended and all of it is where it goes; rejects with IO_FAILED when the stream that takes it breaks. */
  readonly delivered: Promise<void>;
}

/** Collects an output, or passes it on to a stream, which is left open. */
export function collect(from: Readable, to: Writable | undefined, maxBytes = MAX_OUTPUT_BYTES): Sink {
  const ended = new Promise<void>((resolve) => from.once("end", resolve).once("close", resolve));
  if (to === undefined) {
    const buffer = new OutputBuffer(maxBytes);
    from.on("data", (chunk: Buffer) => buffer.add(chunk));
    return { text: () => buffer.text(), delivered: ended };
  }
  const delivered = new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => {
      from.unpipe(to);
      // The program must not stand still while it is told to end.
      from.resume();
      reject(new MkError("IO_FAILED", `the output of a program cannot be written: ${error.message}`, { cause: error }));
    };
    // A stream may also end early without an error: then nothing more would flow, and nobody be told.
    const letGo = finished(to, { readable: false }, (error) => onError(error ?? new Error("the stream has ended")));
    // A stream says of a write that it failed in a later turn, when the program may have ended: what it says of the next one is the truth.
    const flush = (): void =>
      void to.write("", (error) => {
        if (error) return onError(error);
        letGo();
        resolve();
      });
    void ended.then(flush);
  });
  delivered.catch(() => undefined);
  from.pipe(to, { end: false });
  return { text: () => "", delivered };
}

/** End of file, as a terminal has it typed. */
const CTRL_D = "\x04";

/**
 * Gives a program its standard input. One that ends without reading it is no error: its exit code tells whether it minded. A terminal's
 * input is never ended, since dropbear hangs up the terminal then: the end of text is typed, and where there is none nothing is. Resolves
 * when the program has ended or needs no more of it; rejects with IO_FAILED when the stream that gives it breaks.
 */
export async function feed(
  process: RemoteProcess,
  input: string | Uint8Array | Readable | undefined,
  { isTerminal }: { readonly isTerminal: boolean },
): Promise<void> {
  const { stdin } = process;
  stdin.on("error", () => undefined);
  if (input === undefined) {
    if (!isTerminal) stdin.end();
    return;
  }
  if (typeof input === "string" || input instanceof Uint8Array) {
    stdin.write(input);
    if (isTerminal) stdin.write(CTRL_D);
    else stdin.end();
    return;
  }
  input.pipe(stdin, { end: !isTerminal });
  if (isTerminal) input.once("end", () => stdin.write(CTRL_D));
  const stop = (): void => {
    input.unpipe(stdin);
    // A terminal that stays in flowing mode would keep mk from ending.
    input.pause();
  };
  await new Promise<void>((resolve, reject) => {
    const letGo = finished(input, { writable: false }, (error) => {
      if (!error) return resolve();
      stop();
      reject(new MkError("IO_FAILED", `the input of a program cannot be read: ${error.message}`, { cause: error }));
    });
    const onEnd = (): void => {
      letGo();
      stop();
      resolve();
    };
    process.exitCode.then(onEnd, onEnd);
  });
}
