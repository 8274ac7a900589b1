import type { Duplex } from "node:stream";
import { MkError, messageOf } from "@mk/core";
import { GobDecoder } from "../gob/decoder.js";
import { GobEncoder } from "../gob/encoder.js";
import type { GobSchema, GobShape, GobValue } from "../gob/schema.js";
import { EMPTY, emptySchema, requestSchema, responseSchema } from "./messages.js";
import type { RpcMethod } from "./rpc-client.js";

interface ServedMethod {
  readonly method: RpcMethod;
  readonly handler: (argument: unknown) => unknown;
}

/** Methods by name, under any number of service names. */
export class RpcService {
  readonly #methods = new Map<string, ServedMethod>();
  readonly #names: readonly string[];

  constructor(...names: readonly string[]) {
    this.#names = names;
  }

  /** What the handler throws is answered as the text of its message. */
  on<A, R>(method: RpcMethod<A, R>, handler: (argument: A) => R | Promise<R>): this {
    // Sound since the argument is decoded by the method's own schema.
    this.#methods.set(method.name, { method: method as RpcMethod, handler: handler as (argument: unknown) => unknown });
    return this;
  }

  /** The method, or the text with which Go refuses the name. */
  find(serviceMethod: string): ServedMethod | string {
    const dot = serviceMethod.lastIndexOf(".");
    if (dot < 0) return `rpc: service/method request ill-formed: ${serviceMethod}`;
    if (!this.#names.includes(serviceMethod.slice(0, dot))) return `rpc: can't find service ${serviceMethod}`;
    return this.#methods.get(serviceMethod.slice(dot + 1)) ?? `rpc: can't find method ${serviceMethod}`;
  }
}

/** More unanswered requests than this on one connection, and it is not read on. */
const MAX_RUNNING = 1000;
const IGNORED: GobShape = { kind: "ignored" };

/**
 * Serves one connection that is past the handshake until it ends. Each request runs on its own, so that a slow one holds up no other. A stream that
 * breaks gob's rules is closed without a word, as Go does.
 */
export function serveRpc(stream: Duplex, service: RpcService): void {
  const encoder = new GobEncoder();
  const decoder = new GobDecoder();
  let header: GobValue<typeof requestSchema> | undefined;
  let running = 0;
  let ended = false;

  const answer = <R>(request: GobValue<typeof requestSchema>, error: string, schema: GobSchema<R>, reply: R): void => {
    if (stream.destroyed || stream.writableEnded) return;
    const { ServiceMethod, Seq } = request;
    const head = encoder.encode(responseSchema, { ServiceMethod, Seq, Error: error });
    const body = encoder.encode(schema, reply);
    // Header and reply stay together: nothing is awaited in between. Answers that are ready in one turn go out at once.
    stream.cork();
    stream.write(head);
    stream.write(body);
    process.nextTick(() => stream.uncork());
  };

  const run = async (
    request: GobValue<typeof requestSchema>,
    served: ServedMethod,
    argument: unknown,
  ): Promise<void> => {
    running++;
    try {
      const reply = await served.handler(argument);
      // A method without a reply is one whose client drops it.
      if (served.method.reply.kind === "ignored") answer(request, "", emptySchema, EMPTY);
      else answer(request, "", served.method.reply, reply);
    } catch (error) {
      // An empty text would mean success.
      answer(request, errorText(error), emptySchema, EMPTY);
    } finally {
      running--;
      if (ended && running === 0) stream.end();
      readOn();
    }
  };

  // Neither calls that hang nor answers that nobody takes may fill the memory.
  const isFull = (): boolean => running >= MAX_RUNNING || stream.writableNeedDrain;
  const readOn = (): void => {
    if (stream.isPaused() && !isFull()) stream.resume();
  };

  const readHeader = (): boolean => {
    const decoded = decoder.decode(requestSchema);
    if (decoded === undefined) return false;
    if ("refused" in decoded) {
      stream.destroy();
      return false;
    }
    header = decoded.value;
    return true;
  };

  const readArgument = (request: GobValue<typeof requestSchema>): boolean => {
    const served = service.find(request.ServiceMethod);
    const decoded = decoder.decode(typeof served === "string" ? IGNORED : served.method.argument);
    if (decoded === undefined) return false;
    header = undefined;
    if (typeof served === "string") answer(request, served, emptySchema, EMPTY);
    else if ("refused" in decoded) answer(request, `gob: ${decoded.refused}`, emptySchema, EMPTY);
    else void run(request, served, decoded.value);
    return true;
  };

  stream.on("data", (chunk: Buffer) => {
    try {
      decoder.push(chunk);
      while (header === undefined ? readHeader() : readArgument(header)) {
        // Each turn takes one value.
      }
    } catch {
      stream.destroy();
    }
    if (isFull()) stream.pause();
  });
  stream.on("drain", readOn);
  // A client that closed its half still gets the answers that are due.
  stream.on("end", () => {
    ended = true;
    if (running === 0) stream.end();
  });
  stream.on("error", () => stream.destroy());
  stream.resume();
}

function errorText(error: unknown): string {
  const hint = MkError.is(error) ? error.hint : undefined;
  const text = `${messageOf(error)}${hint === undefined ? "" : ` (${hint})`}`;
  return text === "" ? "unknown error" : text;
}
