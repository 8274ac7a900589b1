import { StringDecoder } from "node:string_decoder";

/** Longer lines are cut. A Go host stops reading for good at 64 KiB, which hangs both sides; we read on. */
const MAX_LINE = 8192;
// CSI and OSC sequences in their long and short forms, then single control characters: a plugin's output must not drive the user's terminal.
const CONTROL =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Cuts a stream of bytes into lines of bounded length, without control characters. Keeps no more than one line. */
export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #rest = "";
  #overflows = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const parts = this.#decoder.write(chunk).split("\n");
    for (const [index, part] of parts.entries()) {
      this.#append(part);
      if (index < parts.length - 1) this.#emit();
    }
  }

  /** The stream ended: what has no line end is a line as well. */
  end(): void {
    this.#append(this.#decoder.end());
    if (this.#rest !== "") this.#emit();
  }

  #append(part: string): void {
    this.#rest += part.slice(0, Math.max(0, MAX_LINE - this.#rest.length));
    this.#overflows ||= this.#rest.length >= MAX_LINE;
  }

  #emit(): void {
    const line = this.#rest.replace(CONTROL, "").trimEnd();
    const cut = this.#overflows ? " …" : "";
    this.#rest = "";
    this.#overflows = false;
    this.#onLine(line + cut);
  }
}
