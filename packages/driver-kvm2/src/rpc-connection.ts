import type { Duplex } from "node:stream";
import { MkError } from "@mk/core";
import { XdrReader, XdrWriter } from "./xdr.js";

/** libvirt's program number for the hypervisor-independent protocol (src/remote/remote_protocol.x). */
const PROGRAM = 0x20008086;
const VERSION = 1;
const HEADER_BYTES = 24;
/** VIR_NET_MESSAGE_MAX of libvirt's src/rpc/virnetprotocol.x is 32 MiB. */
const MAX_FRAME_BYTES = 33_554_432 + 4;

const TYPE = { call: 0, reply: 1, event: 2 } as const;
const STATUS_OK = 0;

/** An error that libvirt answered, with its virErrorNumber. */
export class LibvirtError extends Error {
  override readonly name = "LibvirtError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface RpcEvent {
  readonly procedure: number;
  /** A reader of this listener's own: others read the same bytes. */
  readonly body: XdrReader;
}

interface Pending {
  resolve(body: XdrReader): void;
  reject(error: unknown): void;
}

/**
 * One connection to a libvirt daemon: calls matched to replies by serial, events handed to listeners.
 * A frame is u32 length, program, version, procedure, type, serial, status, then the XDR body.
 * When the stream ends, all calls reject with NETWORK_FAILED; garbage ends it with PROTOCOL_ERROR.
 */
export class RpcConnection {
  readonly #stream: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: RpcEvent) => void>();
  readonly #closed = new AbortController();
  #received: Buffer = Buffer.alloc(0);
  #serial = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", (cause) =>
      this.#end(
        new MkError("NETWORK_FAILED", "the connection to libvirt broke", {
          cause,
          hint: "Check that libvirtd runs, then repeat the command.",
        }),
      ),
    );
    stream.on("close", () =>
      this.#end(
        new MkError("NETWORK_FAILED", "libvirt closed the connection", {
          hint: "Check that libvirtd runs, then repeat the command.",
        }),
      ),
    );
  }

  /** Aborted, with the reason, once the connection is of no use any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  onEvent(listener: (event: RpcEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Rejects with LibvirtError, with the signal's reason, or with what ended the connection. */
  call(procedure: number, args: XdrWriter, signal: AbortSignal): Promise<XdrReader> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.closed.aborted) return Promise.reject(this.closed.reason);
    this.#serial += 1;
    const serial = this.#serial;
    return new Promise((resolve, reject) => {
      const onAbort = () => settle(() => reject(signal.reason));
      const settle = (finish: () => void) => {
        this.#pending.delete(serial);
        signal.removeEventListener("abort", onAbort);
        finish();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#pending.set(serial, {
        resolve: (body) => settle(() => resolve(body)),
        reject: (error) => settle(() => reject(error)),
      });
      const body = args.toBuffer();
      const header = new XdrWriter()
        .uint(4 + HEADER_BYTES + body.length)
        .uint(PROGRAM)
        .uint(VERSION)
        .int(procedure)
        .int(TYPE.call)
        .uint(serial)
        .int(STATUS_OK);
      this.#stream.write(Buffer.concat([header.toBuffer(), body]));
    });
  }

  close(): void {
    this.#stream.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const length = this.#received.readUInt32BE();
      if (length < 4 + HEADER_BYTES || length > MAX_FRAME_BYTES) {
        this.#violate(`a frame of ${length} bytes`);
        return;
      }
      if (this.#received.length < length) return;
      const frame = new XdrReader(this.#received.subarray(4, length));
      this.#received = this.#received.subarray(length);
      this.#dispatch(frame);
    }
  }

  #dispatch(frame: XdrReader): void {
    const program = frame.uint();
    const version = frame.uint();
    const procedure = frame.int();
    const type = frame.int();
    const serial = frame.uint();
    const status = frame.int();
    // Keep-alive and other programs are not asked for and may be passed over.
    if (program !== PROGRAM || version !== VERSION) return;
    if (type === TYPE.event) {
      try {
        for (const listener of this.#listeners) listener({ procedure, body: frame.copy() });
      } catch (error) {
        // Thrown in a stream's handler it would end the whole process.
        if (!(error instanceof RangeError)) throw error;
        this.#violate("an event that does not parse");
      }
      return;
    }
    const pending = type === TYPE.reply ? this.#pending.get(serial) : undefined;
    // A reply to a call that was aborted.
    if (!pending) return;
    if (status === STATUS_OK) {
      pending.resolve(frame);
      return;
    }
    try {
      const code = frame.int();
      frame.int();
      pending.reject(new LibvirtError(code, frame.optional((reader) => reader.string()) ?? `libvirt error ${code}`));
    } catch (cause) {
      pending.reject(new MkError("PROTOCOL_ERROR", "libvirt sent an error that does not parse", { cause }));
    }
  }

  #violate(what: string): void {
    this.#end(
      new MkError("PROTOCOL_ERROR", `libvirt sent ${what}`, { hint: "Check that the socket belongs to libvirtd." }),
    );
    this.#stream.destroy();
  }

  #end(error: MkError): void {
    if (this.closed.aborted) return;
    this.#closed.abort(error);
    for (const pending of [...this.#pending.values()]) pending.reject(error);
  }
}
