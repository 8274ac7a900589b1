import { once } from "node:events";
import type { Socket } from "node:net";
import { MkError } from "@mk/core";
import { until } from "@mk/testing";
import { describe, expect, it } from "vitest";
import { GobDecoder, GobEncoder, gob } from "../src/index.js";
import { acceptGoRpc, openGoRpc } from "../src/rpc/handshake.js";
import { requestSchema, responseSchema } from "../src/rpc/messages.js";
import { RemoteError, RpcClient, type RpcMethod } from "../src/rpc/rpc-client.js";
import { RpcService, serveRpc } from "../src/rpc/rpc-server.js";
import { socketPair } from "./support/socket-pair.js";

const ECHO: RpcMethod<string, string> = { name: "Echo", argument: gob.string, reply: gob.string };
const HANG: RpcMethod<string, string> = { name: "Hang", argument: gob.string, reply: gob.string };
const FAIL: RpcMethod<string, string> = { name: "Fail", argument: gob.string, reply: gob.string };

const signal = () => AbortSignal.timeout(10_000);
const hasCode = (code: MkError["code"]) => (error: unknown) => MkError.is(error, code);

function service(): RpcService {
  return new RpcService("Test")
    .on(ECHO, (text) => text)
    .on(HANG, () => new Promise<string>(() => undefined))
    .on(FAIL, (text) => {
      throw new Error(text);
    });
}

/** A server by hand: what it answers is up to the test. */
class ScriptedServer {
  readonly #encoder = new GobEncoder();
  readonly #decoder = new GobDecoder();
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The next request's number. */
  async request(): Promise<bigint> {
    for (;;) {
      const header = this.#decoder.decode(requestSchema);
      if (header !== undefined && "value" in header) {
        while (this.#decoder.decode(gob.ignored) === undefined) await this.#more();
        return header.value.Seq;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const [chunk] = (await once(this.#socket, "data")) as [Buffer];
    this.#decoder.push(chunk);
  }

  header(seq: bigint, error = ""): void {
    this.#socket.write(this.#encoder.encode(responseSchema, { ServiceMethod: "Test.Echo", Seq: seq, Error: error }));
  }

  body(text: string): void {
    this.#socket.write(this.#encoder.encode(gob.string, text));
  }

  number(value: number): void {
    this.#socket.write(this.#encoder.encode(gob.int, value));
  }
}

describe("the handshake of Go's net/rpc", () => {
  it.each([
    ["as Go answers", "HTTP/1.0 200 Connected to Go RPC\n\n"],
    ["with line ends of HTTP", "HTTP/1.0 200 Connected to Go RPC\r\n\r\n"],
    ["with HTTP/1.1 and headers", "HTTP/1.1 200 Connected to Go RPC\r\nServer: x\r\nDate: y\r\n\r\n"],
  ])("is taken %s", async (_how, answer) => {
    await using pair = await socketPair();
    pair.far.once("data", (request: Buffer) => {
      expect(request.toString()).toBe("CONNECT /_goRPC_ HTTP/1.0\n\n");
      for (const byte of answer) pair.far.write(byte);
    });
    await openGoRpc(pair.near, signal());
  });

  it.each([
    ["another status", "HTTP/1.0 200 OK\n\n"],
    ["an error", "HTTP/1.0 404 Not Found\n\n"],
    ["no HTTP", "hello\n\n"],
    ["a header without end", "x".repeat(20_000)],
  ])("fails with PROTOCOL_ERROR for %s", async (_what, answer) => {
    await using pair = await socketPair();
    pair.far.write(answer);
    await expect(openGoRpc(pair.near, signal())).rejects.toSatisfy(hasCode("PROTOCOL_ERROR"));
  });

  it("fails with NETWORK_FAILED when the peer ends it", async () => {
    await using pair = await socketPair();
    pair.far.end();
    await expect(openGoRpc(pair.near, signal())).rejects.toSatisfy(hasCode("NETWORK_FAILED"));
  });

  it("is given up with the signal's reason", async () => {
    await using pair = await socketPair();
    const reason = new Error("enough");
    await expect(openGoRpc(pair.near, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it("keeps what came in the same segment", async () => {
    await using pair = await socketPair();
    pair.far.write("CONNECT /_goRPC_ HTTP/1.0\r\nHost: x\r\n\r\nrest");
    const accepted = acceptGoRpc(pair.near);
    expect(await accepted).toBe(true);
    pair.near.resume();
    const [rest] = (await once(pair.near, "data")) as [Buffer];
    expect(rest.toString()).toBe("rest");
  });
});

describe("an RPC client", () => {
  it("makes any number of calls at once, answered in any order", async () => {
    await using pair = await socketPair();
    const server = new ScriptedServer(pair.far);
    const client = new RpcClient(pair.near);
    const calls = Promise.all(["a", "b", "c"].map((text) => client.call("Test", ECHO, text)));
    const numbers = [await server.request(), await server.request(), await server.request()];
    for (const seq of numbers.reverse()) {
      server.header(seq);
      server.body(`answer ${seq}`);
    }
    expect(await calls).toEqual(["answer 0", "answer 1", "answer 2"]);
  });

  it("drops answers to calls that nobody made, or made twice", async () => {
    await using pair = await socketPair();
    const server = new ScriptedServer(pair.far);
    const client = new RpcClient(pair.near);
    const call = client.call("Test", ECHO, "x");
    const seq = await server.request();
    for (const unknown of [77n, 2n ** 64n - 1n]) {
      server.header(unknown);
      server.body("nobody asked");
    }
    for (const text of ["first", "second"]) {
      server.header(seq);
      server.body(text);
    }
    expect(await call).toBe("first");
    const next = client.call("Test", ECHO, "y");
    server.header(await server.request());
    server.body("next");
    expect(await next).toBe("next");
  });

  it("throws the far side's error text, whatever body stands behind it", async () => {
    await using pair = await socketPair();
    const server = new ScriptedServer(pair.far);
    const client = new RpcClient(pair.near);
    const call = client.call("Test", ECHO, "x");
    server.header(await server.request(), "no space");
    server.number(3);
    await expect(call).rejects.toEqual(new RemoteError("no space"));
    const next = client.call("Test", ECHO, "y");
    server.header(await server.request());
    server.body("fine");
    expect(await next).toBe("fine");
  });

  it("fails one call with PROTOCOL_ERROR when its answer is of another type, and goes on", async () => {
    await using pair = await socketPair();
    const server = new ScriptedServer(pair.far);
    const client = new RpcClient(pair.near);
    const call = client.call("Test", ECHO, "x");
    server.header(await server.request());
    server.number(3);
    await expect(call).rejects.toSatisfy(hasCode("PROTOCOL_ERROR"));
    const next = client.call("Test", ECHO, "y");
    server.header(await server.request());
    server.body("fine");
    expect(await next).toBe("fine");
  });

  it("gives up a call with the signal's reason and drops its answer", async () => {
    await using pair = await socketPair();
    const server = new ScriptedServer(pair.far);
    const client = new RpcClient(pair.near);
    const controller = new AbortController();
    const call = client.call("Test", ECHO, "x", controller.signal);
    const seq = await server.request();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    server.header(seq);
    server.body("late");
    const next = client.call("Test", ECHO, "y");
    server.header(await server.request());
    server.body("next");
    expect(await next).toBe("next");
  });

  it("says nothing of a call whose argument cannot be written, and goes on", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    const client = new RpcClient(pair.near);
    const number: RpcMethod<number, string> = { name: "Echo", argument: gob.int, reply: gob.string };
    expect(await client.call("Test", ECHO, "before")).toBe("before");
    await expect((async () => client.call("Test", number, Number.NaN))()).rejects.toThrow("NaN is no safe integer");
    expect(await client.call("Test", ECHO, "behind")).toBe("behind");
  });

  it.each([
    ["a message of length 0", Buffer.of(0)],
    ["text", Buffer.from("panic: runtime error\n")],
    ["HTML", Buffer.from("<html><body>hello</body></html>")],
  ])("fails every call with PROTOCOL_ERROR when the peer sends %s", async (_what, bytes) => {
    await using pair = await socketPair();
    const client = new RpcClient(pair.near);
    const calls = [client.call("Test", ECHO, "a"), client.call("Test", ECHO, "b")];
    pair.far.write(bytes);
    pair.far.end();
    for (const call of calls) {
      await expect(call).rejects.toSatisfy(
        (error) => MkError.is(error, "PROTOCOL_ERROR") || MkError.is(error, "NETWORK_FAILED"),
      );
    }
  });

  it("fails every call with NETWORK_FAILED when the connection ends, even in the middle of an answer", async () => {
    await using pair = await socketPair();
    const server = new ScriptedServer(pair.far);
    const client = new RpcClient(pair.near);
    const call = client.call("Test", ECHO, "x");
    server.header(await server.request());
    pair.far.end();
    await expect(call).rejects.toSatisfy(hasCode("NETWORK_FAILED"));
    await expect(client.call("Test", ECHO, "y")).rejects.toSatisfy(hasCode("NETWORK_FAILED"));
    expect(await client.ended).toSatisfy(hasCode("NETWORK_FAILED"));
  });
});

describe("an RPC server", () => {
  it("answers while another call hangs", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    const client = new RpcClient(pair.near);
    client.call("Test", HANG, "").catch(() => undefined);
    const texts = Array.from({ length: 300 }, (_, index) => `text ${index}`);
    expect(await Promise.all(texts.map((text) => client.call("Test", ECHO, text)))).toEqual(texts);
  });

  it("answers errors as text, an empty one too, and names it does not know as Go does", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    const client = new RpcClient(pair.near);
    const errorOf = (serviceName: string, method: RpcMethod<string, string>, text: string) =>
      client.call(serviceName, method, text).then(String, (error: Error) => error.message);
    expect(await errorOf("Test", FAIL, "no space")).toBe("no space");
    expect(await errorOf("Test", FAIL, "")).toBe("unknown error");
    expect(await errorOf("Other", ECHO, "")).toBe("rpc: can't find service Other.Echo");
    expect(await errorOf("Test", { ...ECHO, name: "None" }, "")).toBe("rpc: can't find method Test.None");
    expect(await client.call("Test", ECHO, "still here")).toBe("still here");
  });

  it("answers an argument of another type with an error, and goes on", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    const client = new RpcClient(pair.near);
    const wrong: RpcMethod<number, string> = { name: "Echo", argument: gob.int, reply: gob.string };
    await expect(client.call("Test", wrong, 3)).rejects.toThrow("int was sent where string is wanted");
    expect(await client.call("Test", ECHO, "fine")).toBe("fine");
  });

  it("reads no further while the client takes no answers", async () => {
    await using pair = await socketPair();
    const calls = 20_000;
    let answered = 0;
    const answer = "x".repeat(4096);
    const echo = (): string => {
      answered++;
      return answer;
    };
    serveRpc(pair.far, new RpcService("Test").on(ECHO, echo));
    const client = new RpcClient(pair.near);
    pair.near.pause();
    const all = Promise.all(Array.from({ length: calls }, () => client.call("Test", ECHO, "text")));
    await until("the server waits", () => pair.far.isPaused());
    expect(answered).toBeLessThan(calls);
    pair.near.resume();
    expect(await all).toHaveLength(calls);
  });

  it("takes a response for a request, since it has the same fields", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    const encoder = new GobEncoder();
    pair.near.write(encoder.encode(responseSchema, { ServiceMethod: "Test.Echo", Seq: 2n ** 60n, Error: "x" }));
    pair.near.write(encoder.encode(gob.string, "odd"));
    const decoder = new GobDecoder();
    let header = decoder.decode(responseSchema);
    while (header === undefined) {
      const [chunk] = (await once(pair.near, "data")) as [Buffer];
      decoder.push(chunk);
      header = decoder.decode(responseSchema);
    }
    expect(header).toEqual({ value: { ServiceMethod: "Test.Echo", Seq: 2n ** 60n, Error: "" } });
  });

  it("closes a connection whose header cannot be read, without a word", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    let heard = "";
    pair.near.on("data", (chunk) => {
      heard += String(chunk);
    });
    pair.near.write(new GobEncoder().encode(gob.int, 3));
    await once(pair.near, "close");
    expect(heard).toBe("");
  });

  it("reads requests that come one byte at a time", async () => {
    await using pair = await socketPair();
    serveRpc(pair.far, service());
    const encoder = new GobEncoder();
    const bytes = Buffer.concat([
      encoder.encode(requestSchema, { ServiceMethod: "Test.Echo", Seq: 1n }),
      encoder.encode(gob.string, "slowly"),
    ]);
    for (const byte of bytes) pair.near.write(Buffer.of(byte));
    const decoder = new GobDecoder();
    const read = async <T>(decode: () => T | undefined): Promise<T> => {
      for (;;) {
        const value = decode();
        if (value !== undefined) return value;
        const [chunk] = (await once(pair.near, "data")) as [Buffer];
        decoder.push(chunk);
      }
    };
    await read(() => decoder.decode(responseSchema));
    expect(await read(() => decoder.decode(gob.string))).toEqual({ value: "slowly" });
  });
});
