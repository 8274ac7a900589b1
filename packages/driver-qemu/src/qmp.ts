import type { Duplex } from "node:stream";
import { MkError } from "@mk/core";

/** Longer lines are no QMP: QEMU's own limit for a JSON message is 64 MiB, its answers to mk are below 1 MiB. */
const LINE_LIMIT_BYTES = 16 * 1024 * 1024;
/** Events kept for a waiter that comes later. */
const KEPT_EVENTS = 64;

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly command: string;
}

/**
 * One client of a QEMU Machine Protocol socket. Everything that waits ends with the caller's signal, or when QEMU closes the connection:
 * then it rejects with NETWORK_FAILED, and with PROTOCOL_ERROR when what came was not QMP.
 *
 * @see https://www.qemu.org/docs/master/interop/qmp-spec.html
 */
export class QmpConnection implements AsyncDisposable {
  readonly #stream: Duplex;
  readonly #pending = new Map<string, Pending>();
  readonly #events: QmpEvent[] = [];
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #ended = new AbortController();
  #chunks: Buffer[] = [];
  #length = 0;
  #lastId = 0;
  #greeted: (() => void) | undefined;

  private constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", (cause) => this.#end(new MkError("NETWORK_FAILED", "the connection to QEMU broke", { cause })));
    stream.on("close", () => this.#end(new MkError("NETWORK_FAILED", "QEMU closed its monitor")));
    stream.on("end", () => this.#end(new MkError("NETWORK_FAILED", "QEMU closed its monitor")));
  }

  /** Waits for QEMU's greeting and enters command mode. Destroys the stream when that fails. */
  static async open(stream: Duplex, signal: AbortSignal): Promise<QmpConnection> {
    const connection = new QmpConnection(stream);
    try {
      await connection.#wait<void>(signal, (resolve) => {
        connection.#greeted = resolve;
      });
      await connection.execute("qmp_capabilities", {}, signal);
      return connection;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Runs a command and answers its `return`. DRIVER_FAILED with QEMU's words when QEMU refuses. */
  async execute(command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
    this.#lastId += 1;
    const id = `mk-${this.#lastId}`;
    try {
      return await this.#wait(signal, (resolve, reject) => {
        this.#pending.set(id, { resolve, reject, command });
        this.#stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
      });
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Runs a command of the human monitor, for what QMP lacks, and answers its text. */
  async monitor(line: string, signal: AbortSignal): Promise<string> {
    const text = await this.execute("human-monitor-command", { "command-line": line }, signal);
    return typeof text === "string" ? text.trim() : "";
  }

  /** The next event of these names, those that came since the connection was opened included. Each event is given once. */
  async event(names: readonly string[], signal: AbortSignal): Promise<QmpEvent> {
    const at = this.#events.findIndex((event) => names.includes(event.event));
    if (at >= 0) return this.#events.splice(at, 1)[0]!;
    let listener: ((event: QmpEvent) => void) | undefined;
    try {
      return await this.#wait<QmpEvent>(signal, (resolve) => {
        listener = (event) => {
          if (!names.includes(event.event) || !this.#events.includes(event)) return;
          // At once, not when the waiter is resumed: the same chunk may hold another event of this name, which is not this waiter's.
          if (listener) this.#listeners.delete(listener);
          this.#events.splice(this.#events.indexOf(event), 1);
          resolve(event);
        };
        this.#listeners.add(listener);
      });
    } finally {
      if (listener) this.#listeners.delete(listener); // of a waiter that was aborted
    }
  }

  close(): void {
    this.#end(new MkError("NETWORK_FAILED", "the connection to QEMU was closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** A promise that also ends with the signal and with the connection. */
  async #wait<T>(
    signal: AbortSignal,
    begin: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
  ): Promise<T> {
    signal.throwIfAborted();
    this.#ended.signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    let onEnd: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        onAbort = () => reject(signal.reason);
        onEnd = () => reject(this.#ended.signal.reason);
        signal.addEventListener("abort", onAbort);
        this.#ended.signal.addEventListener("abort", onEnd);
        begin(resolve, reject);
      });
    } finally {
      if (onAbort) signal.removeEventListener("abort", onAbort);
      if (onEnd) this.#ended.signal.removeEventListener("abort", onEnd);
    }
  }

  #end(reason: MkError): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(reason);
    this.#stream.destroy();
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    for (let cut = rest.indexOf(10); cut >= 0; cut = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#chunks, rest.subarray(0, cut)]).toString("utf8");
      this.#chunks = [];
      this.#length = 0;
      rest = rest.subarray(cut + 1);
      if (line.trim() !== "") this.#message(line);
      if (this.#ended.signal.aborted) return;
    }
    if (rest.length === 0) return;
    this.#chunks.push(rest);
    this.#length += rest.length;
    if (this.#length > LINE_LIMIT_BYTES) {
      this.#end(new MkError("PROTOCOL_ERROR", `QEMU's monitor sent a line of over ${LINE_LIMIT_BYTES} bytes`));
    }
  }

  #message(line: string): void {
    const message = parseObject(line);
    if (message === undefined) {
      this.#end(
        new MkError("PROTOCOL_ERROR", "QEMU's monitor sent something that is not QMP", {
          details: { received: line.slice(0, 200) },
        }),
      );
    } else if ("QMP" in message) this.#greeted?.();
    else if (typeof message.event === "string") this.#event(message.event, message.data);
    else if (typeof message.id === "string") this.#reply(message.id, message);
    // A reply without an id answers a message QEMU could not parse; mk sends none. What else comes is of a later protocol.
  }

  #event(name: string, data: unknown): void {
    const event = { event: name, data: isObject(data) ? data : {} };
    this.#events.push(event);
    if (this.#events.length > KEPT_EVENTS) this.#events.shift();
    for (const listener of [...this.#listeners]) listener(event);
  }

  #reply(id: string, message: Readonly<Record<string, unknown>>): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // its caller was aborted meanwhile
    if (!("error" in message)) {
      pending.resolve(message.return);
      return;
    }
    const { class: kind, desc } = isObject(message.error) ? message.error : {};
    pending.reject(
      new MkError("DRIVER_FAILED", `QEMU refused ${pending.command}: ${String(desc)}`, {
        details: { command: pending.command, class: String(kind), reason: String(desc) },
      }),
    );
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
