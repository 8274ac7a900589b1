import type { Duplex } from "node:stream";
import { MkError } from "@mk/core";
import { GobDecoder } from "../gob/decoder.js";
import { GobEncoder } from "../gob/encoder.js";
import type { GobSchema, GobShape, GobValue } from "../gob/schema.js";
import { requestSchema, responseSchema } from "./messages.js";

/** A remote method: its types and, on the wire, its name behind the service's. */
export interface RpcMethod<A = unknown, R = unknown> {
  readonly name: string;
  readonly argument: GobSchema<A>;
  readonly reply: GobSchema<R>;
}

interface PendingCall {
  readonly name: string;
  readonly reply: GobShape;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The far side ran the method and answered with an error text of its own. */
export class RemoteError extends Error {}

/**
 * Calls over one connection, any number at once; answers may come in any order. When the connection ends or breaks the protocol all calls
 * reject with one error.
 */
export class RpcClient {
  readonly #stream: Duplex;
  readonly #encoder = new GobEncoder();
  readonly #decoder = new GobDecoder();
  readonly #pending = new Map<bigint, PendingCall>();
  #nextSeq = 0n;
  /** The header whose body has not arrived. */
  #header: GobValue<typeof responseSchema> | undefined;
  #failure: MkError | undefined;
  readonly #ended: Promise<MkError>;
  #announceEnd!: (reason: MkError) => void;

  /** `stream` is past the handshake. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#ended = new Promise((resolve) => {
      this.#announceEnd = resolve;
    });
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("end", () => this.#fail(new MkError("NETWORK_FAILED", "the peer ended the connection")));
    stream.on("close", () => this.#fail(new MkError("NETWORK_FAILED", "the connection was closed")));
    stream.on("error", (cause: Error) => {
      this.#fail(new MkError("NETWORK_FAILED", `the connection broke: ${cause.message}`, { cause }));
    });
    stream.resume();
  }

  /** Resolves with the reason when no call can be made any more. */
  get ended(): Promise<MkError> {
    return this.#ended;
  }

  /**
   * Calls `<service>.<method>`. RemoteError with the far side's text when it failed there; the signal's reason when that aborts, after which the
   * answer is dropped when it comes; NETWORK_FAILED or PROTOCOL_ERROR when the connection does not serve any more. TypeError, and nothing is sent, for an
   * argument that is not of the method's type.
   */
  call<A, R>(service: string, method: RpcMethod<A, R>, argument: A, signal?: AbortSignal): Promise<R> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const seq = this.#nextSeq++;
    const header = this.#encoder.encode(requestSchema, { ServiceMethod: `${service}.${method.name}`, Seq: seq });
    const body = this.#encoder.encode(method.argument, argument);
    const answered = this.#expect(seq, method, signal);
    // Header and argument go out together: between them nothing else may stand.
    this.#stream.cork();
    this.#stream.write(header);
    this.#stream.write(body);
    process.nextTick(() => this.#stream.uncork());
    return answered;
  }

  #expect<R>(
    seq: bigint,
    method: { readonly name: string; readonly reply: GobSchema<R> },
    signal: AbortSignal | undefined,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason);
      const settled = (): void => signal?.removeEventListener("abort", onAbort);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.set(seq, {
        name: method.name,
        reply: method.reply,
        resolve: (value) => {
          settled();
          resolve(value as R);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
    });
  }

  /** Ends the connection; what is pending rejects. */
  close(): void {
    this.#fail(new MkError("CANCELLED", "the connection was closed on this side"));
  }

  #fail(error: MkError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.reject(error);
    this.#stream.destroy();
    this.#announceEnd(error);
  }

  #receive(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.#decoder.push(chunk);
    try {
      while (this.#header === undefined ? this.#readHeader() : this.#readBody(this.#header)) {
        // Each turn takes one value.
      }
    } catch (error) {
      this.#fail(MkError.is(error) ? error : new MkError("INTERNAL", "an answer could not be read", { cause: error }));
    }
  }

  #readHeader(): boolean {
    const decoded = this.#decoder.decode(responseSchema);
    if (decoded === undefined) return false;
    if ("refused" in decoded) throw new MkError("PROTOCOL_ERROR", `an answer has no header: ${decoded.refused}`);
    this.#header = decoded.value;
    return true;
  }

  #readBody(header: GobValue<typeof responseSchema>): boolean {
    const call = this.#pending.get(header.Seq);
    const failed = header.Error !== "";
    const decoded = this.#decoder.decode(call === undefined || failed ? IGNORED : call.reply);
    if (decoded === undefined) return false;
    this.#header = undefined;
    // Answers to calls that nobody made, or made twice, are dropped, as Go's client does.
    if (call === undefined) return true;
    this.#pending.delete(header.Seq);
    if (failed) call.reject(new RemoteError(header.Error));
    else if ("value" in decoded) call.resolve(decoded.value);
    else
      call.reject(new MkError("PROTOCOL_ERROR", `the answer to ${call.name} is of another type: ${decoded.refused}`));
    return true;
  }
}

const IGNORED: GobShape = { kind: "ignored" };
